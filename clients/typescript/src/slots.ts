import { LatchkeyError, storeError } from './errors.js';
import { decode, encode, slotBytes, type SessionRecord } from './record.js';
import type { Storage } from './storage.js';

/** A record before it has its place. */
export type Content = Omit<SessionRecord, 'sequence'>;

/** How a stored session ends. */
export interface End {
  readonly reason: string;
  readonly endedAt?: number | undefined;
  readonly keepToken?: boolean;
  readonly only?: SessionRecord | undefined;
}

/**
 * Two slots that are written in turn, so that a torn write leaves the record before it
 * readable. Operations of one process do not overlap.
 */
export class Slots {
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly storage: Storage) {}

  /** The record that counts; undefined where there certainly is none. */
  read(): Promise<SessionRecord | undefined> {
    return this.inTurn(() => this.newest());
  }

  /**
   * Writes `content` after `expected`, if that is still the record that counts and `wanted`
   * says yes, and returns the record that counts then: whoever finds another one there has
   * been overtaken. `anything` is for a sign-in, which does not depend on what is there.
   */
  replace(expected: SessionRecord | undefined | 'anything', content: Content, wanted: () => boolean): Promise<SessionRecord | undefined> {
    return this.inTurn(async () => {
      const found = await this.newest();
      if (!wanted() || (expected !== 'anything' && !same(found, expected))) {
        return found;
      }
      // Race: two ahead of a session that lives, as in end.
      const step = expected === 'anything' && found && !found.endReason ? 2 : 1;
      const record = { ...content, sequence: (found?.sequence ?? 0) + step };
      await this.write(record);
      const now = await this.newest(); // a store may say yes and keep half
      if (same(now, found)) {
        throw new LatchkeyError('store', 'the store did not keep what was written');
      }
      if (now?.endReason && !same(now, record)) {
        await this.storage.remove(slot(record.sequence)); // another process has signed out meanwhile
      }
      return now;
    });
  }

  /**
   * Ends the session that is stored and returns it. Its token stays only where `keepToken`,
   * to be revoked later. With `only`, another session than that one is left alone.
   */
  end({ reason, endedAt, keepToken, only }: End): Promise<SessionRecord | undefined> {
    return this.inTurn(async () => {
      const found = await this.newest();
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

  private async newest(): Promise<SessionRecord | undefined> {
    const texts = await Promise.all([this.storage.read(slot(0)), this.storage.read(slot(1))]);
    const [a, b] = texts.map((text) => (text ? decode(text) : undefined));
    if (!texts[0] && !texts[1]) {
      // iOS says "not found" for everything before the first unlock after a restart: only
      // where a write is taken is the emptiness believed.
      await this.storage.write('probe', '1');
    }
    return a && b ? (a.sequence > b.sequence ? a : b) : (a ?? b);
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
