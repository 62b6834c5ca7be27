import type { AccessToken } from './access-token.js';
import { createBackoff } from './backoff.js';
import { since } from './clock.js';
import type { LatchkeyError } from './errors.js';
import { decode, encode, same, sameSession, type SessionRecord } from './record.js';
import { endSession, exchange } from './server-calls.js';
import type { Settings } from './settings.js';
import { endingPlaces } from './storage.js';

interface Ended {
  readonly record: SessionRecord;
  access: AccessToken | undefined;
  /** The server knows; what is left is a store that would not let go of the token. */
  known: boolean;
}

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

  /** What is kept, place by place. */
  async function kept(): Promise<(SessionRecord | undefined)[]> {
    const texts = await Promise.all(endingPlaces.map((place) => storage.read(place)));
    return texts.map((text) => (text ? decode(text) : undefined));
  }

  /** Keeps a session that is to end, also for the next run. Without the store the server is told all the same. */
  async function keep(session: SessionRecord | undefined): Promise<void> {
    const found = session ? await kept().catch(() => []) : [];
    const free = found.some((other) => same(other, session)) ? -1 : found.indexOf(undefined);

    if (session && free >= 0) {
      await storage.write(endingPlaces[free] as string, encode(session)).catch(() => undefined);
    }
  }

  /** Forgets a session that has ended, or goes on. */
  async function drop(session: SessionRecord | undefined): Promise<void> {
    const found = session ? await kept() : [];

    for (const place of endingPlaces.filter((_, index) => sameSession(found[index], session))) {
      await storage.remove(place);
    }
  }

  /** Goes on with what the last run has kept, except what lives: it was not replaced after all. */
  async function resume(living: (SessionRecord | undefined)[]): Promise<void> {
    for (const session of await kept().catch(() => [])) {
      if (living.some((other) => sameSession(session, other))) {
        await drop(session).catch(() => undefined); // before a refresh makes it look like another one
      } else if (session) {
        await add(session);
      }
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
      await keep(ended.record); // a sign-in may take the slot that has it
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

  return { add, keep, drop, resume, online, close };
}
