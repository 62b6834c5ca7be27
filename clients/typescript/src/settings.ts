import type { Clock } from './clock.js';
import type { Storage } from './storage.js';

/** What the parts of a client share. */
export interface Settings {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly storage: Storage;
  readonly clock: Clock;
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number;
  readonly fetch: typeof fetch;
  /** Where else than at `baseUrl` the access token may go: origins, without a slash at the end. */
  readonly origins: readonly string[];
  /** What to call this device in the list of sessions. */
  readonly deviceName: string | undefined;
  /** Milliseconds until a call of the client's own is given up. */
  readonly timeout: number;
}

/** A new idempotency key: 32 characters. */
export function newKey(random: () => number): string {
  // Hermes has no crypto. The key tells repeats from new requests: it has to be unique, and counts only
  // together with the refresh token, which is the secret.
  const bytes = new Uint8Array(16).map(() => random() * 256);
  (globalThis.crypto as Crypto | undefined)?.getRandomValues?.(bytes);

  return Array.from(bytes, (byte) => byte.toString(36).padStart(2, '0')).join('');
}
