import type { AccessToken } from './access-token.js';
import { signedOut, type LatchkeyError } from './errors.js';
import type { User } from './generated/types.gen.js';
import type { SessionRecord } from './record.js';
import type { Pair } from './server-calls.js';
import { createSessionNews } from './session.js';

/** What this program knows of the session, and whom it tells. */
export type Memory = ReturnType<typeof createMemory>;

export function createMemory(needsUnlock: () => boolean) {
  const news = createSessionNews();
  const memory = {
    record: undefined as SessionRecord | undefined,
    access: undefined as AccessToken | undefined,
    user: undefined as User | undefined,
    /** Counts the sessions: what belongs to the one before must not change this one. */
    epoch: 0,
    /** The session that was signed out although the store could not forget it. */
    leaving: undefined as SessionRecord | undefined,
    /** A token is being taken over: what it is good for is not known yet. */
    adopting: false,
    news,
    hold,
    forget,
    leave,
    show,
    needed,
    nobody,
  };

  /** Takes over a pair that is stored. */
  function hold(stored: SessionRecord, pair: Pair): void {
    memory.record = stored;
    memory.access = pair.access;
    memory.user = pair.user ?? memory.user;
    show();
  }

  /** Drops the session, and what is still on its way to it. A sign-in that is under way goes on. */
  function forget(): void {
    memory.epoch++;
    memory.record = memory.access = memory.user = undefined;
  }

  function leave(reason: string | undefined, endedAt?: number): void {
    news.set({ state: 'signed_out', reason, endedAt });
  }

  function show(): void {
    const { record, user, adopting } = memory;

    if (record && !adopting) {
      news.set({ state: 'signed_in', userId: record.userId, user, needsUnlock: needsUnlock() });
    }
  }

  function needed(): AccessToken {
    if (!memory.access) {
      throw nobody();
    }
    return memory.access;
  }

  /** The error for a call that needs a session, with the reason why there is none. */
  function nobody(): LatchkeyError {
    const session = news.now();
    return signedOut(session.state === 'signed_out' ? session.reason : 'user');
  }

  return memory;
}
