import qrcode from 'qrcode-generator';
import { StyleSheet, View } from 'react-native';
import { radius, space } from '../theme';

/** Squares that are dark beside each other: where they begin in their row, and how many they are. */
interface Run {
  readonly start: number;
  readonly length: number;
}

/** The rows of the QR code of a text. */
export function rowsOf(text: string): Run[][] {
  const code = qrcode(0, 'M');
  code.addData(text);
  code.make();
  const size = code.getModuleCount();

  return Array.from({ length: size }, (_, row) => {
    const runs: Run[] = [];
    for (let column = 0; column < size; column++) {
      const last = runs[runs.length - 1];
      if (!code.isDark(row, column)) {
        continue;
      }
      if (last && last.start + last.length === column) {
        runs[runs.length - 1] = { ...last, length: last.length + 1 };
      } else {
        runs.push({ start: column, length: 1 });
      }
    }
    return runs;
  });
}

/** Points of one square: whole ones, so that there are no lines between the squares. */
const square = 4;

/** A text for the camera of another device. Dark on light in both schemes: many apps read nothing else. */
export function QrCode({ label, text }: { label: string; text: string }) {
  const rows = rowsOf(text);
  const side = rows.length * square;

  return (
    <View accessible accessibilityRole="image" accessibilityLabel={label} style={styles.paper}>
      <View style={{ width: side, height: side }}>
        {rows.flatMap((runs, row) =>
          runs.map(({ start, length }) => (
            <View key={`${row} ${start}`} style={[styles.ink, { top: row * square, left: start * square, width: length * square, height: square }]} />
          )),
        )}
      </View>
    </View>
  );
}

const styles = StyleSheet.create({
  paper: { alignSelf: 'center', margin: space.m, padding: 4 * square, backgroundColor: '#FFFFFF', borderRadius: radius.control },
  ink: { position: 'absolute', backgroundColor: '#000000' },
});
