import { sessionOf } from './access-token.js';
import { now, since, type Clock, type Moment } from './clock.js';
import { LatchkeyError, storeError } from './errors.js';
import type { UserID } from './generated/types.gen.js';
import { decode, encode, sameOrigin, slotBytes, type SessionRecord } from './record.js';
import type { Pair } from './server-calls.js';
import { newKey } from './settings.js';
import type { Storage } from './storage.js';

/** A record before it has its place. */
export type Content = Omit<SessionRecord, 'sequence'>;

/** The record of a pair that has just come, with a key that will spend its refresh token. */
export function contentOf({ refreshToken }: Pick<Pair, 'refreshToken'>, userId: UserID | undefined, random: () => number): Content {
  return { refreshToken, idempotencyKey: newKey(random), userId };
}

/** What a new record takes the place of: that one, or what is there, which `beside` leaves readable until the next write. */
export type Place = SessionRecord | undefined | 'anything' | 'beside';

/** How a stored session ends. */
export interface End {
  readonly reason: string;
  readonly endedAt?: number | undefined;
  /** The user signs out. The token stays, to be revoked later. */
  readonly keepToken?: boolean;
  readonly only?: SessionRecord | undefined;
  /** There was a session, of which nothing is left. */
  readonly isLost?: boolean;
  /** Asked once it is this operation's turn. */
  readonly wanted?: () => boolean;
}

/**
 * Two slots that are written in turn, so that a torn write leaves the record before it
 * readable. Operations of one process do not overlap.
 */
export type Slots = ReturnType<typeof createSlots>;

export function createSlots(storage: Storage, clock: Clock) {
  /** The session that was there before the one that counts, which was written beside it. */
  let before: SessionRecord | undefined;
  /** The user wants an unreadable store to be replaced at once. */
  let forced = false;
  let turn: Promise<unknown> = Promise.resolve();
  let failures = 0;
  let failing: Moment | undefined;



  /**
   * Whether the user's own sign-in or sign-out may replace what cannot be read: after three reads
   * that failed in at least a minute, and none that succeeded. A locked device does not count.
   */
  function lost(): boolean {
    return failing !== undefined && (forced || (failures > 2 && since(failing, clock) >= 60_000));
  }

  /** The record that counts; undefined where there certainly is none. */
  function read(): Promise<SessionRecord | undefined> {
    return inTurn(() => newest());
  }

  /**
   * Writes `content` after `expected`, if that is still the record that counts and `wanted`
   * says yes, and returns the record that counts then: whoever finds another one there has
   * been overtaken. A sign-in does not depend on what is there.
   */
  function replace(place: Place, content: Content, wanted: () => boolean): Promise<SessionRecord | undefined> {
    return inTurn(async () => {
      const found = await newest(place === 'anything');
      if (!wanted() || (typeof place !== 'string' && !same(found, place))) {
        return found;
      }
      // Race: two ahead of a session that lives, as in end.
      const step = place === 'anything' && found && !found.endReason ? 2 : 1;
      const record = { ...content, sequence: (found?.sequence ?? 0) + step };
      await write(record);
      const kept = await newest(); // a store may say yes and keep half
      if (same(kept, found)) {
        throw new LatchkeyError('store', 'the store did not keep it');
      }
      if (kept?.endReason && !same(kept, record)) {
        await storage.remove(slot(record.sequence)); // another process has signed out meanwhile
      }
      return kept;
    });
  }

  /** Removes a record that was written beside another one, which counts again then. */
  function withdraw({ sequence }: SessionRecord): Promise<void> {
    return inTurn(() => storage.remove(slot(sequence)));
  }

  /**
   * Ends the session that is stored and returns it. Its token stays only where `keepToken`,
   * to be revoked later. With `only`, another session than that one is left alone.
   */
  function end({ reason, endedAt, keepToken, only, isLost, wanted = () => true }: End): Promise<SessionRecord | undefined> {
    return inTurn(async () => {
      const found = wanted() ? await newest(keepToken) : undefined;
      if (keepToken && lost()) {
        await write({ sequence: 1, endReason: 'storage_key_lost' });
      }
      if (!found && isLost) {
        await write({ sequence: 1, endReason: reason });
      }
      if (!found || found.endReason || (only && !same(found, only))) {
        return found;
      }
      await storage.remove(slot(found.sequence + 1));
      // Race: two ahead, over the record that counted. A refresh of another process that is
      // about to write its successor, one ahead, is then overruled.
      const kept = keepToken ? found : {};
      const last = { ...kept, userId: undefined, sequence: found.sequence + 2, endReason: reason, endedAt };
      try {
        await write(last);
      } catch (error) {
        if (storeError(error).kind === 'locked') {
          throw error;
        }
        await storage.remove(slot(found.sequence));
      }
      return found;
    });
  }

  /**
   * Drops the token of a session that has ended, once the server knows. A store that refused
   * the sign-out still holds it as if it lived.
   */
  function settle(token: string | undefined): Promise<void> {
    return inTurn(async () => {
      const found = await newest();
      if (found?.refreshToken !== token) {
        return;
      }
      if (found?.endReason) {
        await write({ sequence: found.sequence, endReason: found.endReason, endedAt: found.endedAt });
      } else if (found) {
        await storage.remove(slot(found.sequence + 1));
        await write({ sequence: found.sequence + 2, endReason: 'user' });
      }
    });
  }

  /** `own`: the user's own sign-in or sign-out, which may replace what can never be read again. */
  async function newest(own = false): Promise<SessionRecord | undefined> {
    const found = await texts().catch(async (error: unknown) => {
      if (!own || !lost()) {
        throw error;
      }
      await storage.remove(slot(0));
      await storage.remove(slot(1));
      return [];
    });
    const [a, b] = found.map((text) => (text ? decode(text) : undefined));
    const [newer, older] = a && b && a.sequence < b.sequence ? [b, a] : [a ?? b, a && b];
    const beside = older && newer && older.sequence === newer.sequence - 1 && !older.endReason && !newer.endReason;
    before = beside && !sameOrigin(older, newer) && sessionOf(older.refreshToken) !== sessionOf(newer.refreshToken) ? older : undefined;
    if (!found[0] && !found[1]) {
      // iOS says "not found" for everything before the first unlock after a restart: only
      // where a write is taken is the emptiness believed.
      await storage.write('probe', '1');
    }
    return newer;
  }

  async function texts(): Promise<(string | null)[]> {
    try {
      const both = await Promise.all([storage.read(slot(0)), storage.read(slot(1))]);
      failures = 0;
      failing = undefined;
      forced = false;
      return both;
    } catch (error) {
      const { kind, code } = storeError(error);
      if (kind !== 'locked') {
        failures++;
        failing ??= now(clock);
        forced ||= code === 'storage_key_lost'; // there is nothing to wait for
      }
      throw error;
    }
  }

  function write(record: SessionRecord): Promise<void> {
    const text = encode(record);
    if (text.length > slotBytes) {
      throw new LatchkeyError('store', 'the record is too large');
    }
    return storage.write(slot(record.sequence), text);
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work).catch((error: unknown) => {
      throw storeError(error);
    });
    turn = done.catch(() => undefined);
    return done;
  }

  return { lost, read, replace, withdraw, end, settle, before: () => before, force: (wanted: boolean) => void (forced = wanted) };
}

function slot(sequence: number): string {
  return `slot-${sequence % 2}`;
}

function same(a: SessionRecord | undefined, b: SessionRecord | undefined): boolean {
  return a?.sequence === b?.sequence && a?.idempotencyKey === b?.idempotencyKey;
}
