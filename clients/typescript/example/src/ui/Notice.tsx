import { StyleSheet, Text, View } from 'react-native';
import type { Failure } from '../failure';
import { radius, space, useColours } from '../theme';

/** Says what went wrong with the whole form, or else `text`, what went well. */
export function Notice({ failure, text }: { failure?: Failure | undefined; text?: string | undefined }) {
  const colours = useColours();
  const problem = failure?.message;
  const message = problem ?? text;
  if (!message) {
    return null;
  }
  const paint = problem ? { back: colours.dangerSoft, front: colours.danger } : { back: colours.accentSoft, front: colours.accent };
  return (
    <View accessibilityRole="alert" accessibilityLiveRegion="polite" style={[styles.notice, { backgroundColor: paint.back }]}>
      <Text style={[styles.text, { color: paint.front }]}>{message}</Text>
    </View>
  );
}

const styles = StyleSheet.create({
  notice: { borderRadius: radius.control, padding: space.m },
  text: { fontSize: 15, lineHeight: 21 },
});
