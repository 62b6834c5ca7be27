import { LatchkeyError } from './errors.js';
import { until } from './waiting.js';

interface DescriptorJson {
  id: string;
  type: string;
  transports?: string[];
}

/** Options for a new passkey, with bytes in base64url (WebAuthn Level 3, section 5.1.8). */
export interface CreationOptionsJson {
  challenge: string;
  rp: { id?: string; name: string };
  user: { id: string; name: string; displayName: string };
  pubKeyCredParams: { type: string; alg: number }[];
  timeout?: number;
  excludeCredentials?: DescriptorJson[];
  authenticatorSelection?: { authenticatorAttachment?: string; residentKey?: string; requireResidentKey?: boolean; userVerification?: string };
  attestation?: string;
}

/** Options for showing a passkey, likewise (WebAuthn Level 3, section 5.1.9). */
export interface RequestOptionsJson {
  challenge: string;
  rpId?: string;
  timeout?: number;
  allowCredentials?: DescriptorJson[];
  userVerification?: string;
}

/**
 * Prompts for passkeys: `browserPasskeys()`, or `import * as Passkeys from
 * 'react-native-passkeys'`. The answers are JSON as `toJSON()` of a PublicKeyCredential
 * gives it; null where the person dismissed the prompt.
 */
export interface Passkeys {
  create(options: CreationOptionsJson): Promise<unknown>;
  get(options: RequestOptionsJson): Promise<unknown>;
  /** Closes the prompt that is open, where that can be done. */
  cancel?(): void;
}

/** What the person answers to a prompt. What the device throws becomes a `LatchkeyError`. */
export async function answered(passkeys: Passkeys, prompt: () => Promise<unknown>, signal: AbortSignal | null | undefined): Promise<object> {
  let answer: unknown;
  try {
    answer = await until(prompt(), signal);
  } catch (cause) {
    if (signal?.aborted) {
      passkeys.cancel?.();
    }
    throw refusal(cause);
  }
  if (typeof answer !== 'object' || answer === null) {
    throw dismissed();
  }
  return answer;
}

/** In the words of browsers, react-native-passkeys and react-native-passkey, in this order. */
const meanings: readonly (readonly [RegExp, code: string, sentence: string])[] = [
  [/InvalidStateError|MatchedExcludedCredential/i, 'passkey_exists', 'this device has a passkey for the account already'],
  [/NoCredential/i, 'passkey_not_found', 'this device has no passkey for the account'],
  [/NotSupported/i, 'passkey_unsupported', 'this device has no passkeys'],
];

function refusal(cause: unknown): LatchkeyError {
  if (cause instanceof LatchkeyError) {
    return cause;
  }
  const { name, code, error, message } = (cause ?? {}) as Record<string, unknown>;
  const words = `${name} ${code} ${error} ${message}`;
  const known = meanings.find(([pattern]) => pattern.test(words));
  // A browser says NotAllowedError of a prompt that was dismissed, and of one that ran out of time.
  if (!known && /NotAllowedError|AbortError|cancel/i.test(words)) {
    return dismissed(cause);
  }
  return new LatchkeyError('passkey', known?.[2] ?? 'the passkey failed', { code: known?.[1] ?? 'passkey_failed', cause });
}

function dismissed(cause?: unknown): LatchkeyError {
  return new LatchkeyError('cancelled', 'the person dismissed the prompt for a passkey', { code: 'passkey_dismissed', cause });
}
