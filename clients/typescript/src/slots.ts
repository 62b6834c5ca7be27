import { sessionOf } from './access-token.js';
import { now, since, type Clock, type Moment } from './clock.js';
import { LatchkeyError, storeError } from './errors.js';
import { decode, encode, slotBytes, type SessionRecord } from './record.js';
import type { Storage } from './storage.js';

/** A record before it has its place. */
export type Content = Omit<SessionRecord, 'sequence'>;

/** What a new record takes the place of: that one, or what is there, which `beside` leaves readable until the next write. */
export type Place = SessionRecord | undefined | 'anything' | 'beside';

/** How a stored session ends. */
export interface End {
  readonly reason: string;
  readonly endedAt?: number | undefined;
  /** The user signs out. The token stays, to be revoked later. */
  readonly keepToken?: boolean;
  readonly only?: SessionRecord | undefined;
  /** Asked once it is this operation's turn. */
  readonly wanted?: () => boolean;
}

/**
 * Two slots that are written in turn, so that a torn write leaves the record before it
 * readable. Operations of one process do not overlap.
 */
export class Slots {
  /** The session that was there before the one that counts, which was written beside it. */
  before: SessionRecord | undefined;
  /** The user wants an unreadable store to be replaced at once. */
  forced = false;
  private turn: Promise<unknown> = Promise.resolve();
  private failures = 0;
  private failing: Moment | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly clock: Clock,
  ) {}

  /**
   * Whether the user's own sign-in or sign-out may replace what cannot be read: after three reads
   * that failed in at least a minute, and none that succeeded. A locked device does not count.
   */
  lost(): boolean {
    return this.failing !== undefined && (this.forced || (this.failures > 2 && since(this.failing, this.clock) >= 60_000));
  }

  /** The record that counts; undefined where there certainly is none. */
  read(): Promise<SessionRecord | undefined> {
    return this.inTurn(() => this.newest());
  }

  /**
   * Writes `content` after `expected`, if that is still the record that counts and `wanted`
   * says yes, and returns the record that counts then: whoever finds another one there has
   * been overtaken. A sign-in does not depend on what is there.
   */
  replace(place: Place, content: Content, wanted: () => boolean): Promise<SessionRecord | undefined> {
    return this.inTurn(async () => {
      const found = await this.newest(place === 'anything');
      if (!wanted() || (typeof place !== 'string' && !same(found, place))) {
        return found;
      }
      // Race: two ahead of a session that lives, as in end.
      const step = place === 'anything' && found && !found.endReason ? 2 : 1;
      const record = { ...content, sequence: (found?.sequence ?? 0) + step };
      await this.write(record);
      const kept = await this.newest(); // a store may say yes and keep half
      if (same(kept, found)) {
        throw new LatchkeyError('store', 'the store did not keep what was written');
      }
      if (kept?.endReason && !same(kept, record)) {
        await this.storage.remove(slot(record.sequence)); // another process has signed out meanwhile
      }
      return kept;
    });
  }

  /** Removes a record that was written beside another one, which counts again then. */
  withdraw({ sequence }: SessionRecord): Promise<void> {
    return this.inTurn(() => this.storage.remove(slot(sequence)));
  }

  /**
   * Ends the session that is stored and returns it. Its token stays only where `keepToken`,
   * to be revoked later. With `only`, another session than that one is left alone.
   */
  end({ reason, endedAt, keepToken, only, wanted = () => true }: End): Promise<SessionRecord | undefined> {
    return this.inTurn(async () => {
      const found = wanted() ? await this.newest(keepToken) : undefined;
      if (keepToken && this.lost()) {
        await this.write({ sequence: 1, endReason: 'storage_key_lost' });
      }
      if (!found || found.endReason || (only && !same(found, only))) {
        return found;
      }
      await this.storage.remove(slot(found.sequence + 1));
      // Race: two ahead, over the record that counted. A refresh of another process that is
      // about to write its successor, one ahead, is then overruled.
      const kept = keepToken ? found : undefined;
      const end = { sequence: found.sequence + 2, refreshToken: kept?.refreshToken, idempotencyKey: kept?.idempotencyKey, endReason: reason, endedAt };
      try {
        await this.write(end);
      } catch (error) {
        if (storeError(error).kind === 'locked') {
          throw error;
        }
        await this.storage.remove(slot(found.sequence));
      }
      return found;
    });
  }

  /**
   * Drops the token of a session that has ended, once the server knows. A store that refused
   * the sign-out still holds it as if it lived.
   */
  settle(token: string | undefined): Promise<void> {
    return this.inTurn(async () => {
      const found = await this.newest();
      if (found?.refreshToken !== token) {
        return;
      }
      if (found?.endReason) {
        await this.write({ sequence: found.sequence, endReason: found.endReason, endedAt: found.endedAt });
      } else if (found) {
        await this.storage.remove(slot(found.sequence + 1));
        await this.write({ sequence: found.sequence + 2, endReason: 'user' });
      }
    });
  }

  /** `own`: the user's own sign-in or sign-out, which may replace what can never be read again. */
  private async newest(own = false): Promise<SessionRecord | undefined> {
    const texts = await this.texts().catch(async (error: unknown) => {
      if (!own || !this.lost()) {
        throw error;
      }
      await this.storage.remove(slot(0));
      await this.storage.remove(slot(1));
      return [];
    });
    const [a, b] = texts.map((text) => (text ? decode(text) : undefined));
    const [newer, older] = a && b && a.sequence < b.sequence ? [b, a] : [a ?? b, a && b];
    const beside = older && newer && older.sequence === newer.sequence - 1 && !older.endReason && !newer.endReason;
    this.before = beside && sessionOf(older.refreshToken) !== sessionOf(newer.refreshToken) ? older : undefined;
    if (!texts[0] && !texts[1]) {
      // iOS says "not found" for everything before the first unlock after a restart: only
      // where a write is taken is the emptiness believed.
      await this.storage.write('probe', '1');
    }
    return newer;
  }

  private async texts(): Promise<(string | null)[]> {
    try {
      const texts = await Promise.all([this.storage.read(slot(0)), this.storage.read(slot(1))]);
      this.failures = 0;
      this.failing = undefined;
      this.forced = false;
      return texts;
    } catch (error) {
      if (storeError(error).kind !== 'locked') {
        this.failures++;
        this.failing ??= now(this.clock);
      }
      throw error;
    }
  }

  private write(record: SessionRecord): Promise<void> {
    const text = encode(record);
    if (text.length > slotBytes) {
      throw new LatchkeyError('store', `a record of ${text.length} bytes does not fit into a slot of ${slotBytes}`);
    }
    return this.storage.write(slot(record.sequence), text);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work).catch((error: unknown) => {
      throw storeError(error);
    });
    this.turn = done.catch(() => undefined);
    return done;
  }
}

function slot(sequence: number): string {
  return `slot-${sequence % 2}`;
}

function same(a: SessionRecord | undefined, b: SessionRecord | undefined): boolean {
  return a?.sequence === b?.sequence && a?.idempotencyKey === b?.idempotencyKey;
}
