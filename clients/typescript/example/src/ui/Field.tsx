import { useState } from 'react';
import { Platform, Pressable, StyleSheet, Text, TextInput, View, type TextInputProps } from 'react-native';
import type { Failure } from '../failure';
import { radius, space, touch, useColours } from '../theme';

export type FieldKind = 'email' | 'current_password' | 'new_password' | 'code' | 'name';

interface Props {
  kind: FieldKind;
  label: string;
  value: string;
  onChange: (text: string) => void;
  /** The member of the request, by which the server's problems name it. */
  name: string;
  failure?: Failure | undefined;
  hint?: string;
  onSubmit?: () => void;
}

const hints: Record<FieldKind, TextInputProps> = {
  email: { keyboardType: 'email-address', textContentType: 'username', autoComplete: 'email', autoCapitalize: 'none', autoCorrect: false },
  current_password: { textContentType: 'password', autoComplete: 'current-password', autoCapitalize: 'none', autoCorrect: false },
  new_password: { textContentType: 'newPassword', autoComplete: 'new-password', autoCapitalize: 'none', autoCorrect: false },
  code: {
    textContentType: 'oneTimeCode',
    // Android fills in codes of text messages under its own name.
    autoComplete: Platform.OS === 'android' ? 'sms-otp' : 'one-time-code',
    autoCapitalize: 'characters',
    autoCorrect: false,
  },
  name: { textContentType: 'name', autoComplete: 'name', autoCapitalize: 'words' },
};

/** A labelled input with its problem below it. */
export function Field({ kind, label, value, onChange, name, failure, hint, onSubmit }: Props) {
  const colours = useColours();
  const [focused, setFocused] = useState(false);
  const [shown, setShown] = useState(false);
  const secret = kind === 'current_password' || kind === 'new_password';
  const [judged, setJudged] = useState({ failure, value });
  if (judged.failure !== failure) {
    setJudged({ failure, value });
  }
  const problem = judged.value === value ? failure?.fields[name] : undefined; // gone once the person goes on typing
  const border = problem ? colours.danger : focused ? colours.accent : colours.border;
  return (
    <View style={styles.field}>
      <Text style={[styles.label, { color: colours.text }]}>{label}</Text>
      <View style={[styles.box, { borderColor: border, backgroundColor: colours.field }]}>
        <TextInput
          {...hints[kind]}
          accessibilityLabel={label}
          accessibilityHint={problem ?? hint}
          testID={name}
          value={value}
          onChangeText={onChange}
          onSubmitEditing={onSubmit}
          returnKeyType="done"
          secureTextEntry={secret && !shown}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
          style={[styles.input, kind === 'code' && styles.code, { color: colours.text }]}
        />
        {secret && (
          <Pressable accessibilityRole="button" accessibilityLabel={shown ? 'Hide password' : 'Show password'} onPress={() => setShown(!shown)} style={styles.reveal}>
            <Text style={[styles.revealLabel, { color: colours.accent }]}>{shown ? 'Hide' : 'Show'}</Text>
          </Pressable>
        )}
      </View>
      {problem ? (
        <Text accessibilityRole="alert" accessibilityLiveRegion="polite" style={[styles.below, { color: colours.danger }]}>
          {problem}
        </Text>
      ) : (
        hint && <Text style={[styles.below, { color: colours.muted }]}>{hint}</Text>
      )}
    </View>
  );
}

const styles = StyleSheet.create({
  field: { gap: space.s },
  label: { fontSize: 14, fontWeight: '600' },
  box: { flexDirection: 'row', alignItems: 'center', borderWidth: 1.5, borderRadius: radius.control },
  // The box shows the focus; the browser's own ring inside it would be a second one.
  input: { flex: 1, minWidth: 0, minHeight: 52, paddingHorizontal: space.m, fontSize: 16, ...Platform.select({ web: { outlineStyle: 'none' } as object, default: {} }) },
  code: { fontSize: 24, letterSpacing: 6, fontWeight: '600', textAlign: 'center' },
  reveal: { minHeight: touch, minWidth: touch, justifyContent: 'center', paddingHorizontal: space.m },
  revealLabel: { fontSize: 14, fontWeight: '600' },
  below: { fontSize: 13, lineHeight: 18 },
});
