import { Pressable, StyleSheet, Text } from 'react-native';
import { touch, useColours } from '../theme';

/** A small way to another screen, below a field. */
export function Link({ label, onPress }: { label: string; onPress: () => void }) {
  const colours = useColours();
  return (
    <Pressable accessibilityRole="button" accessibilityLabel={label} onPress={onPress} style={styles.link}>
      <Text style={[styles.label, { color: colours.accent }]}>{label}</Text>
    </Pressable>
  );
}

const styles = StyleSheet.create({
  link: { minHeight: touch, justifyContent: 'center', alignSelf: 'flex-start' },
  label: { fontSize: 15, fontWeight: '500' },
});
