import { Platform, StyleSheet, Text, View } from 'react-native';
import { space, useColours } from '../theme';

/** Something to write down, in letters that cannot be mistaken, and that can be selected. */
export function Secret({ label, lines }: { label: string; lines: readonly string[] }) {
  const colours = useColours();
  return (
    <View accessibilityLabel={label} style={styles.lines}>
      {lines.map((line) => (
        <Text key={line} selectable testID="secret" style={[styles.line, { color: colours.text }]}>
          {line}
        </Text>
      ))}
    </View>
  );
}

const styles = StyleSheet.create({
  lines: { flexDirection: 'row', flexWrap: 'wrap', justifyContent: 'center', padding: space.m, columnGap: space.l, rowGap: space.s },
  line: { fontSize: 18, lineHeight: 26, fontFamily: Platform.select({ ios: 'Menlo', default: 'monospace' }), letterSpacing: 1, textAlign: 'center' },
});
