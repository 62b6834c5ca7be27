import { ActivityIndicator, Pressable, StyleSheet, Text } from 'react-native';
import { radius, space, useColours, type Colours } from '../theme';

type Look = 'filled' | 'outline' | 'plain' | 'danger' | 'warning';

interface Props {
  label: string;
  onPress: () => void;
  /** Shows that the call is on its way, and takes no second tap. */
  busy?: boolean;
  look?: Look;
}

/** A button as wide as the screen allows. */
export function Button({ label, onPress, busy = false, look = 'filled' }: Props) {
  const colours = useColours();
  const { back, front, edge } = paint(look, colours);
  return (
    <Pressable
      accessibilityRole="button"
      accessibilityLabel={label}
      accessibilityState={{ disabled: busy, busy }}
      disabled={busy}
      onPress={onPress}
      style={({ pressed }) => [styles.button, { backgroundColor: back, borderColor: edge, opacity: pressed ? 0.75 : 1 }]}
    >
      {busy ? <ActivityIndicator color={front} accessibilityLabel="One moment" /> : <Text style={[styles.label, { color: front }]}>{label}</Text>}
    </Pressable>
  );
}

function paint(look: Look, colours: Colours): { back: string; front: string; edge: string } {
  const none = 'transparent';
  switch (look) {
    case 'filled':
      return { back: colours.accent, front: colours.onAccent, edge: none };
    case 'outline':
      return { back: colours.card, front: colours.text, edge: colours.border };
    case 'plain':
      return { back: none, front: colours.accent, edge: none };
    case 'danger':
      return { back: colours.danger, front: colours.card, edge: none };
    case 'warning':
      return { back: none, front: colours.danger, edge: none };
  }
}

const styles = StyleSheet.create({
  button: { minHeight: 52, borderRadius: radius.control, alignItems: 'center', justifyContent: 'center', paddingHorizontal: space.m, borderWidth: 1.5 },
  label: { fontSize: 16, fontWeight: '600' },
});
