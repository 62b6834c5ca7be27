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
  | { readonly state: 'signed_out'; readonly reason: string | undefined; readonly endedAt: number | undefined }
  | { readonly state: 'locked' }
  | { readonly state: 'unknown' };

/**
 * Reasons for the end of a session that this device knows, beside the server's:
 *
 * - `user`: the person signed out.
 * - `elsewhere`: another program that shares the store has removed it.
 * - `restored`: the app was installed anew, and its policy is to start signed out.
 * - `storage_key_lost`: the device has lost the key of its secure store for good.
 * - `biometrics_changed`: the enrolled faces or fingers changed, and the policy is to sign out.
 * - `account_deleted`: the person deleted the account.
 */
export type EndReason = 'user' | 'elsewhere' | 'restored' | 'storage_key_lost' | 'biometrics_changed' | 'account_deleted';

/** Is told of every change. Carries no token. */
export type SessionListener = (session: Session, before: Session) => void;

/** The session as it is, and whom to tell when it changes. */
export class SessionNews {
  session: Session = { state: 'unknown' };
  private readonly listeners = new Set<SessionListener>();

  onChange(listener: SessionListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  set(session: Session): void {
    const before = this.session;
    if (JSON.stringify(session) === JSON.stringify(before)) {
      return;
    }
    this.session = session;
    for (const listener of [...this.listeners]) {
      try {
        listener(session, before);
      } catch (error) {
        console.error('latchkey: a session listener threw', error); // the session goes on
      }
    }
  }

  /** Forgets all listeners. */
  close(): void {
    this.listeners.clear();
  }
}
