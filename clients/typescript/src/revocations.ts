import type { AccessToken } from './access-token.js';
import { Backoff } from './backoff.js';
import { since } from './clock.js';
import type { LatchkeyError } from './errors.js';
import type { SessionRecord } from './record.js';
import { endSession, exchange } from './server-calls.js';
import type { Settings } from './settings.js';

interface Ended {
  readonly record: SessionRecord;
  access: AccessToken | undefined;
  /** The server knows; what is left is a store that would not let go of the token. */
  known: boolean;
}

/** Tells the server about sessions that ended here, again and again until it has heard. */
export class Revocations {
  private readonly open: Ended[] = [];
  private readonly backoff: Backoff;
  /** The last try got no answer. */
  private silent = false;
  private stopTimer: (() => void) | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly told: (record: SessionRecord) => Promise<void>,
  ) {
    this.backoff = new Backoff(settings.clock, settings.random);
  }

  /** Tries at once; true when the server knows, false when that has to wait. */
  async add(record: SessionRecord, access?: AccessToken): Promise<boolean> {
    if (this.open.some((other) => other.record.idempotencyKey === record.idempotencyKey)) {
      return false;
    }
    const ended = { record, access, known: false };
    this.open.push(ended);
    return this.tell(ended);
  }

  /** The network is back: what waited for it is tried now. */
  online(): void {
    if (this.silent) {
      void this.again();
    }
  }

  /** Stops trying. */
  close(): void {
    this.stopTimer?.();
    this.open.length = 0;
  }

  private async tell(ended: Ended): Promise<boolean> {
    try {
      if (!ended.known) {
        await this.revoke(ended);
        ended.known = true;
      }
      await this.told(ended.record); // a dead token must not lie about either: again later
    } catch (error) {
      const { kind, retryAfter } = error as LatchkeyError;
      this.silent = kind === 'network';
      this.backoff.fail(retryAfter); // also after no answer: nobody waits for it, and it takes power
      this.stopTimer?.();
      this.stopTimer = this.settings.clock.setTimer(() => void this.again(), this.backoff.wait());
      return ended.known;
    }
    this.backoff.succeed();
    this.silent = false;
    this.open.splice(this.open.indexOf(ended), 1);
    return true;
  }

  private async again(): Promise<void> {
    for (const ended of [...this.open]) {
      await this.tell(ended);
    }
  }

  private async revoke(ended: Ended): Promise<void> {
    const { clock } = this.settings;
    if (ended.access && since(ended.access.at, clock) < ended.access.life && (await endSession(this.settings, ended.access))) {
      return;
    }
    // The refresh token may be spent any number of times with its own key: nothing uses
    // the successor before the session has ended, or the session ends because of it.
    const answer = await exchange(this.settings, ended.record);
    if ('conflict' in answer) {
      throw answer.conflict;
    }
    if ('access' in answer) {
      ended.access = answer.access;
      await endSession(this.settings, answer.access);
    }
  }
}
