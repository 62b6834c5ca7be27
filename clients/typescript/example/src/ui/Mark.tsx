import { StyleSheet, View } from 'react-native';
import { useColours } from '../theme';

/** The mark of the app: a keyhole in the accent colour. */
export function Mark() {
  const colours = useColours();
  return (
    <View aria-hidden style={[styles.plate, { backgroundColor: colours.accent }]}>
      <View style={[styles.ring, { backgroundColor: colours.onAccent }]} />
      <View style={[styles.slot, { backgroundColor: colours.onAccent }]} />
    </View>
  );
}

const styles = StyleSheet.create({
  plate: { width: 64, height: 64, borderRadius: 18, alignItems: 'center', justifyContent: 'center' },
  ring: { width: 20, height: 20, borderRadius: 10 },
  slot: { width: 8, height: 18, marginTop: -5, borderBottomLeftRadius: 3, borderBottomRightRadius: 3 },
});
