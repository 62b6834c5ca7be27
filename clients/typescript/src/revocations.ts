import type { AccessToken } from './access-token.js';
import { createBackoff } from './backoff.js';
import { since } from './clock.js';
import type { LatchkeyError } from './errors.js';
import { decode, encode, type SessionRecord } from './record.js';
import { endSession, exchange } from './server-calls.js';
import type { Settings } from './settings.js';

interface Ended {
  readonly record: SessionRecord;
  access: AccessToken | undefined;
  /** The server knows; what is left is a store that would not let go of the token. */
  known: boolean;
}

/** Where the last session is kept that a newer one has replaced, until the server knows. Others are in memory only. */
const place = 'ending';

/** Tells the server about sessions that ended here, again and again until it has heard. */
export type Revocations = ReturnType<typeof createRevocations>;

export function createRevocations(settings: Settings, told: (record: SessionRecord) => Promise<void>) {
  const open: Ended[] = [];
  const { clock, random, storage } = settings;
  const backoff = createBackoff(clock, random);
  // The last try got no answer.
  let silent = false;
  let stopTimer: (() => void) | undefined;

  /** Tries at once; true when the server knows, false when that has to wait. */
  async function add(record: SessionRecord, access?: AccessToken): Promise<boolean> {
    if (open.some((other) => other.record.idempotencyKey === record.idempotencyKey)) {
      return false;
    }
    const ended = { record, access, known: false };
    open.push(ended);
    return tell(ended);
  }

  async function kept(): Promise<SessionRecord | undefined> {
    const text = await storage.read(place);
    return text ? decode(text) : undefined;
  }

  /** Keeps a session that is to end, also for the next run. Without the store the server is told all the same. */
  async function keep(session: SessionRecord): Promise<void> {
    await storage.write(place, encode(session)).catch(() => undefined);
  }

  /** Forgets a session that has ended. */
  async function drop(session: SessionRecord): Promise<void> {
    if ((await kept())?.idempotencyKey === session.idempotencyKey) {
      await storage.remove(place);
    }
  }

  /** Goes on with what the last run has kept, unless that is `current`, which was not replaced after all. */
  async function resume(current: SessionRecord | undefined): Promise<void> {
    const session = await kept().catch(() => undefined);
    if (session && session.idempotencyKey !== current?.idempotencyKey) {
      await add(session);
    }
  }

  /** The network is back: what waited for it is tried now. */
  function online(): void {
    if (silent) {
      void again();
    }
  }

  /** Stops trying. */
  function close(): void {
    stopTimer?.();
    open.length = 0;
  }

  async function tell(ended: Ended): Promise<boolean> {
    try {
      if (!ended.known) {
        await revoke(ended);
        ended.known = true;
      }
      await told(ended.record); // a dead token must not lie about either: again later
      await drop(ended.record);
    } catch (error) {
      const { kind, retryAfter } = error as LatchkeyError;
      silent = kind === 'network';
      backoff.fail(retryAfter); // also after no answer: nobody waits for it, and it takes power
      stopTimer?.();
      stopTimer = clock.setTimer(() => void again(), backoff.wait());
      return ended.known;
    }
    backoff.succeed();
    silent = false;
    open.splice(open.indexOf(ended), 1);
    return true;
  }

  async function again(): Promise<void> {
    for (const ended of [...open]) {
      await tell(ended);
    }
  }

  async function revoke(ended: Ended): Promise<void> {
    if (ended.access && since(ended.access.at, clock) < ended.access.life && (await endSession(settings, ended.access))) {
      return;
    }
    // The refresh token may be spent any number of times with its own key: nothing uses
    // the successor before the session has ended, or the session ends because of it.
    const answer = await exchange(settings, ended.record);
    if ('conflict' in answer) {
      throw answer.conflict;
    }
    if ('access' in answer) {
      ended.access = answer.access;
      await endSession(settings, answer.access);
    }
  }

  return { add, keep, resume, online, close };
}
