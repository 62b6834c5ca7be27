function wordsOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  return `${cause?.code} ${cause?.message}`;
}

/** Whether the user, or the system in their place, closed a prompt. */
export function isDismissal(error: unknown): boolean {
  return /cancel|-128\b|code: (5|10|13)\b/i.test(wordsOf(error));
}

/** Why a device cannot show its unlock prompt. */
export type UnavailableReason = 'not_enrolled' | 'locked_out' | 'no_passcode' | 'unavailable';

/**
 * In the words of expo-secure-store, expo-local-authentication and react-native-keychain, and in the numbers of
 * BiometricPrompt, LAError and the keychain. What is not told apart, such as errSecAuthFailed, is `unavailable`.
 */
const reasons: readonly (readonly [RegExp, UnavailableReason])[] = [
  [/passcode.?not.?set|no.?device.?credential|no passcode|code: 14\b|code: -5\b/i, 'no_passcode'],
  [/not.?enrolled|no (biometrics|fingerprints|faces|identities).*enrolled|code: 11\b|code: -7\b/i, 'not_enrolled'],
  [/lock.?out|locked.?out|too many attempts|code: [79]\b|code: -8\b/i, 'locked_out'],
  [/biometr\w*.?(\w+.?)?unavailable|not.?available|no.?hardware|hardware|update is required|auth.*failed|-25293|user name or passphrase|code: (1|12|15)\b|code: -6\b/i, 'unavailable'],
];

/** Why a prompt could not be shown; undefined for any other error. */
export function unavailable(error: unknown): UnavailableReason | undefined {
  const { kind, code } = error as { kind?: string; code?: string };
  const words = wordsOf(error);

  return kind !== 'store' || code ? undefined : reasons.find(([pattern]) => pattern.test(words))?.[1];
}
