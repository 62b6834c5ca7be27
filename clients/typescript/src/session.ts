import type { ServerEndReason } from './generated-actions/actions.gen.js';
import type { User, UserID } from './generated/types.gen.js';

/**
 * Who is signed in, as far as this device knows.
 *
 * - `signed_in`: there is a session. `needsUnlock`: the person has to pass the unlock
 *   prompt before requests go out.
 * - `signed_out`: there is none. `reason` says why, where there was one: the server's
 *   problem code, or a word of {@link EndReason}. `endedAt` is in seconds since the Unix
 *   epoch.
 * - `locked`: the device is locked, so that nobody can tell. Ends by itself.
 * - `unknown`: the store has not been read yet, or cannot be. Ends by itself.
 */
export type Session =
  | { readonly state: 'signed_in'; readonly userId: UserID | undefined; readonly user: User | undefined; readonly needsUnlock: boolean }
  | { readonly state: 'signed_out'; readonly reason: EndReason | undefined; readonly endedAt: number | undefined }
  | { readonly state: 'locked' }
  | { readonly state: 'unknown' };

/**
 * Reasons for the end of a session that this device knows, beside the server's:
 *
 * - `user`: the person signed out.
 * - `elsewhere`: another program that shares the store has removed it.
 * - `reinstalled`: the app was deleted and installed anew, and its policy is to start signed out.
 * - `restored`: the app's files came from a backup of another device, which has no secure items.
 * - `storage_key_lost`: the device has lost the key of its secure store for good.
 * - `biometrics_changed`: the enrolled faces or fingers changed, and the policy is to sign out.
 * - `account_deleted`: the person deleted the account.
 */
export type EndReason = DeviceEndReason | ServerEndReason | (string & {});

/** Those of this device. */
export type DeviceEndReason = 'user' | 'elsewhere' | 'reinstalled' | 'restored' | 'storage_key_lost' | 'biometrics_changed' | 'account_deleted';

/** Is told of every change. Carries no token. */
export type SessionListener = (session: Session, before: Session) => void;

/** The session as it is, and whom to tell when it changes. */
export type SessionNews = ReturnType<typeof createSessionNews>;

export function createSessionNews() {
  let session: Session = { state: 'unknown' };
  const listeners = new Set<SessionListener>();

  function onChange(listener: SessionListener): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  function set(next: Session): void {
    const before = session;
    if (JSON.stringify(next) === JSON.stringify(before)) {
      return;
    }
    session = next;
    for (const listener of [...listeners]) {
      try {
        listener(next, before);
      } catch (error) {
        console.error('latchkey: a listener threw', error); // the session goes on
      }
    }
  }

  return { now: () => session, onChange, set };
}
