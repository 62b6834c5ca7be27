import { StyleSheet, Text, View } from 'react-native';
import { space, useColours } from '../theme';

/** A line with a word in its middle. */
export function Divider({ text }: { text: string }) {
  const colours = useColours();
  const line = <View style={[styles.line, { backgroundColor: colours.border }]} />;
  return (
    <View style={styles.divider}>
      {line}
      <Text style={[styles.text, { color: colours.muted }]}>{text}</Text>
      {line}
    </View>
  );
}

const styles = StyleSheet.create({
  divider: { flexDirection: 'row', alignItems: 'center', gap: space.m, paddingVertical: space.m },
  line: { flex: 1, height: 1 },
  text: { fontSize: 14 },
});
