import { sameToken, type AccessToken, type Credential } from './access-token.js';
import { Backoff } from './backoff.js';
import { DeviceToken } from './device.js';
import { LatchkeyError, nothingPending, signedOut, storeError } from './errors.js';
import type { User, UserID } from './generated/types.gen.js';
import type { Step } from './operations.js';
import type { SessionRecord } from './record.js';
import { Revocations } from './revocations.js';
import { exchange, type Exchange, type Pair } from './server-calls.js';
import { SessionNews, type EndReason, type Session } from './session.js';
import { newKey, type Settings } from './settings.js';
import { Slots } from './slots.js';
import { lockStore } from './store-lock.js';
import { UnlockGate } from './unlock.js';
import { sameUser } from './user-id.js';
import { until } from './waiting.js';

/** A sign-in that is under way. In memory only: its token is worth a password. */
interface Underway {
  readonly sessionToken: string;
  /** The flows that it has pending. */
  readonly flows: readonly string[];
}

/** Keeps one session: what is stored, what is in memory, and the one refresh in flight. */
export class Keeper {
  readonly news = new SessionNews();
  readonly device: DeviceToken;
  private readonly gate: UnlockGate;
  private readonly slots: Slots;
  private readonly backoff: Backoff;
  private readonly readings: Backoff;
  private readonly revocations: Revocations;

  private record: SessionRecord | undefined;
  private access: AccessToken | undefined;
  private user: User | undefined;
  private underway: Underway | undefined;
  /** Counts sign-outs: what began before one must not bring the session back. */
  private epoch = 0;
  /** The session that was signed out although the store could not forget it. */
  private leaving: SessionRecord | undefined;
  /** A refresh succeeded, and no request has shown yet that its token is taken. */
  private unproven = false;

  private opened: Promise<void> | undefined;
  private loading: Promise<unknown> | undefined;
  private refreshing: Promise<void> | undefined;
  private abortRefresh: (() => void) | undefined;
  private stopReading: (() => void) | undefined;

  constructor(private readonly settings: Settings) {
    this.slots = new Slots(settings.storage);
    this.device = new DeviceToken(settings.storage);
    this.backoff = new Backoff(settings.clock, settings.random);
    this.readings = new Backoff(settings.clock, settings.random);
    this.revocations = new Revocations(settings, (record) => this.slots.settle(record.refreshToken));
    this.gate = new UnlockGate(settings.storage, settings.clock, async () => {
      await this.signOut('biometrics_changed');
      throw this.nobody();
    });
  }

  get session(): Session {
    return this.news.session;
  }

  close(): void {
    this.stopReading?.();
    this.revocations.close();
    this.news.close();
  }

  /** Reads the store, where that has not succeeded yet. */
  async load(): Promise<void> {
    if (this.session.state === 'unknown' || this.session.state === 'locked') {
      this.loading ??= this.look().finally(() => (this.loading = undefined));
      await this.loading;
    }
  }

  /**
   * What to send with a request: nothing with one that signs in anew; the token of the sign-in
   * that is under way with a step of it, and with any other while nobody is signed in. Throws
   * where nobody can tell who is signed in: what a sign-in brings could not be stored either.
   */
  async credential(use: Step | 'anew' | undefined, signal?: AbortSignal | null): Promise<Credential> {
    await until(this.load(), signal);
    const { epoch, underway } = this;
    if (use === 'anew') {
      return { epoch };
    }
    const signedIn = this.session.state === 'signed_in';
    if (underway && (!signedIn || use === true || (use && underway.flows.includes(use)))) {
      return { epoch, sessionToken: underway.sessionToken };
    }
    if (use === true) {
      throw nothingPending();
    }
    if (!signedIn) {
      return { epoch };
    }
    await until(this.unlock(false), signal);
    const { clock } = this.settings;
    const held = this.access;
    const fresh = !held || clock.monotonic() >= held.renew;
    if (fresh) {
      try {
        await this.refresh(signal);
      } catch (error) {
        const { kind } = error as LatchkeyError;
        if (kind === 'cancelled' || !held || held !== this.access || clock.monotonic() >= held.end) {
          throw error;
        }
      }
    }
    return { access: this.needed(), fresh, epoch: this.epoch };
  }

  /** A token to repeat a request with that was refused; undefined while a refresh may not be tried. */
  async renew(refused: AccessToken, signal?: AbortSignal | null): Promise<AccessToken | undefined> {
    if (this.access === refused) {
      if (this.backoff.wait() > 0 && !this.refreshing) {
        return undefined;
      }
      await this.refresh(signal);
    }
    return this.needed();
  }

  /** Notes whether the server takes a token that a refresh has brought. */
  proven(access: AccessToken, taken: boolean): void {
    if (this.unproven && access === this.access) {
      this.unproven = false;
      if (taken) {
        this.backoff.succeed();
      } else {
        this.backoff.fail();
      }
    }
  }

  /** Refreshes, or joins the refresh in flight. Never prompts. */
  async refresh(signal?: AbortSignal | null): Promise<void> {
    this.refreshing ??= this.refreshOnce().finally(() => (this.refreshing = undefined));
    return until(this.refreshing, signal);
  }

  /**
   * Keeps what a sign-in brought. `epoch` is the one that its request began in; `anew` says
   * that it is another session than the one before, which is then ended.
   */
  async adopt(pair: Pair, epoch: number, anew: boolean): Promise<void> {
    const content = this.contentOf(pair, pair.user?.id);
    const revoke = (): void => void this.revocations.add({ ...content, sequence: 0 }, pair.access);
    let found: SessionRecord | undefined;
    try {
      found = await this.slots.replace('anything', content, () => epoch === this.epoch);
    } catch (error) {
      revoke(); // it cannot be kept, so it must not live on unseen
      throw error;
    }
    if (!found || epoch !== this.epoch || found.idempotencyKey !== content.idempotencyKey) {
      revoke();
      throw signedOut('user');
    }
    if (anew && this.record) {
      void this.revocations.add(this.record, this.access);
    }
    this.gate.closed = false;
    this.underway = undefined;
    this.backoff.succeed();
    this.hold(found, pair);
    await this.device.keep(pair.deviceToken);
  }

  /**
   * Notes what a sign-in has pending, whoever is signed in. `began`: it takes the place of any
   * other one. A step whose answer comes late must not bring its sign-in back.
   */
  pending(next: Underway, epoch: number, began: boolean): void {
    if (epoch === this.epoch && (began || this.underway?.sessionToken === next.sessionToken)) {
      this.underway = next;
    }
  }

  /** Forgets a sign-in that is over, where it has not been replaced meanwhile. */
  dropPending(sessionToken: string): void {
    if (this.underway?.sessionToken === sessionToken) {
      this.underway = undefined;
    }
  }

  /** Ends the session here, and begins to tell the server. */
  async signOut(reason: EndReason = 'user'): Promise<{ revoked: Promise<boolean> }> {
    const { record, access } = this;
    this.forget();
    this.abortRefresh?.();
    if (record) {
      this.news.set({ state: 'signed_out', reason, endedAt: undefined });
    }
    let ended = record;
    let failure: unknown;
    try {
      await this.open();
      ended = (await this.slots.end({ reason, keepToken: true })) ?? record;
      if (this.session.state !== 'signed_out') {
        this.news.set({ state: 'signed_out', reason: ended && (ended.endReason ?? reason), endedAt: ended?.endedAt });
      }
    } catch (error) {
      failure = error;
      this.leaving = record;
    }
    const revoked = ended?.refreshToken ? this.revocations.add(ended, access) : Promise.resolve(true);
    if (failure) {
      throw storeError(failure);
    }
    return { revoked };
  }

  /** The server has ended the session; `only` that one. */
  async end(reason: string, endedAt?: number, only?: SessionRecord): Promise<void> {
    this.forget();
    await this.slots.end({ reason, endedAt, only }).catch(() => undefined); // its token is dead anyhow
    this.news.set({ state: 'signed_out', reason, endedAt });
    if (reason === 'account_deleted') {
      await this.device.forget().catch(() => undefined); // the account is gone, and its token says nothing any more
    }
  }

  /** Lets the person prove that they are there. `asked`: they pressed a button for it. */
  async unlock(asked: boolean): Promise<void> {
    await this.gate.pass(asked);
    this.show();
  }

  /** Asks for the unlock prompt again from the next request on. */
  lock(): void {
    this.gate.close();
    this.show();
  }

  private async refreshOnce(): Promise<void> {
    const wait = this.backoff.wait();
    if (wait > 0) {
      throw new LatchkeyError('server', 'the last refresh failed; it is too early for the next', { retryAfter: Math.ceil(wait / 1_000) });
    }
    await this.load();
    const { epoch } = this;
    const release = await lockStore(this.settings);
    try {
      for (let turn = 0; turn < 2; turn++) {
        const spent = await this.look(); // another process may have spent the token that we know
        if (!spent || epoch !== this.epoch) {
          throw this.nobody();
        }
        if (await this.spend(spent, epoch)) {
          return;
        } // else another process has stored a newer token: go on with that one
      }
      throw new LatchkeyError('server', 'another process is refreshing');
    } finally {
      release();
    }
  }

  /** Spends a refresh token. False where the store holds another one by now. */
  private async spend(spent: SessionRecord, epoch: number): Promise<boolean> {
    try {
      const answer = await this.ask(spent);
      if (epoch !== this.epoch) {
        throw this.nobody();
      }
      if ('access' in answer) {
        return await this.keep(spent, answer, epoch);
      }
      const found = await this.look();
      if (!same(found, spent)) {
        return false;
      }
      if ('conflict' in answer) {
        throw answer.conflict;
      }
      await this.end(answer.refused, answer.endedAt, found);
      throw this.nobody();
    } catch (error) {
      if (epoch !== this.epoch) {
        throw this.nobody();
      }
      this.backoff.fail((error as LatchkeyError).retryAfter);
      throw error;
    }
  }

  private async ask(spent: SessionRecord): Promise<Exchange> {
    const controller = typeof AbortController === 'undefined' ? undefined : new AbortController();
    this.abortRefresh = () => controller?.abort();
    try {
      return await exchange(this.settings, spent, controller?.signal);
    } finally {
      this.abortRefresh = undefined;
    }
  }

  /** Stores a new pair; it is used only after that. False where another session is stored now. */
  private async keep(spent: SessionRecord, pair: Pair, epoch: number): Promise<boolean> {
    const fresh = this.contentOf(pair, pair.user?.id ?? spent.userId);
    // An attempt to spend this very token that is still on its way has sent the key of before.
    const content = sameToken(pair.refreshToken, spent.refreshToken) ? { ...fresh, idempotencyKey: spent.idempotencyKey } : fresh;
    const found = await this.slots.replace(spent, content, () => epoch === this.epoch);
    if (!found || found.endReason || !sameUser(found.userId, content.userId) || epoch !== this.epoch) {
      return false;
    }
    if (found.sequence !== this.record?.sequence || !same(found, this.record)) { // else somebody has signed in here meanwhile
      // Where another process was faster, its record is of the same generation or a later one.
      this.unproven = true;
      this.hold(found, pair);
    }
    return true;
  }

  private contentOf(pair: Pair, userId: UserID | undefined): Omit<SessionRecord, 'sequence'> {
    return { refreshToken: pair.refreshToken, idempotencyKey: newKey(this.settings.random), userId };
  }

  private hold(record: SessionRecord, pair: Pair): void {
    this.record = record;
    this.access = pair.access;
    this.user = pair.user ?? this.user;
    this.show();
  }

  /** Reads the store and takes over what is there: another process may have written it. */
  private async look(): Promise<SessionRecord | undefined> {
    const { epoch } = this;
    let found: SessionRecord | undefined;
    try {
      await this.open();
      found = await this.slots.read();
      if (found && !found.endReason && same(found, this.leaving)) {
        await this.slots.end({ reason: 'user', only: this.leaving });
        found = await this.slots.read();
      }
    } catch (error) {
      await this.unreadable(storeError(error));
      throw error;
    }
    if (epoch !== this.epoch) {
      return undefined;
    }
    this.readings.succeed();
    return this.take(found);
  }

  private take(found: SessionRecord | undefined): SessionRecord | undefined {
    if (found?.refreshToken && !found.endReason) {
      if (!sameUser(found.userId, this.record?.userId)) {
        this.access = this.user = undefined;
      }
      this.record = found;
      this.show();
      return found;
    }
    if (found?.refreshToken) {
      void this.revocations.add(found);
    }
    if (this.session.state !== 'signed_out') {
      const reason = found?.endReason ?? (this.record ? 'elsewhere' : undefined);
      this.forget();
      this.news.set({ state: 'signed_out', reason, endedAt: found?.endedAt });
    }
    return undefined;
  }

  private open(): Promise<void> {
    const forget = async (): Promise<void> => {
      await this.slots.end({ reason: 'restored' });
      await this.device.forget();
    };
    this.opened ??= (this.settings.storage.open?.(forget) ?? Promise.resolve()).catch((error: unknown) => {
      this.opened = undefined;
      throw storeError(error);
    });
    return this.opened;
  }

  private async unreadable(error: LatchkeyError): Promise<void> {
    if (error.code === 'storage_key_lost') {
      const { storage } = this.settings;
      await Promise.all([storage.remove('slot-0'), storage.remove('slot-1')]).catch(() => undefined);
      this.forget();
      this.news.set({ state: 'signed_out', reason: error.code, endedAt: undefined });
      return;
    }
    const { state } = this.session;
    if (state === 'unknown' || state === 'locked') {
      this.news.set({ state: error.kind === 'locked' ? 'locked' : 'unknown' });
      this.readings.fail();
      this.stopReading?.();
      this.stopReading = this.settings.clock.setTimer(() => void this.load().catch(() => undefined), this.readings.wait());
    }
  }

  private needed(): AccessToken {
    if (!this.access) {
      throw this.nobody();
    }
    return this.access;
  }

  /** The error for who needs a session, with the reason why there is none. */
  nobody(): LatchkeyError {
    return signedOut(this.session.state === 'signed_out' ? this.session.reason : 'user');
  }

  /** Drops everything in memory, and what is still on its way to it. */
  private forget(): void {
    this.epoch++;
    this.record = this.access = this.user = this.underway = undefined;
  }

  private show(): void {
    if (this.record) {
      this.news.set({ state: 'signed_in', userId: this.record.userId, user: this.user, needsUnlock: this.gate.closed });
    }
  }
}

/** Whether two records hold the same refresh token: each token has a key of its own. */
function same(a: SessionRecord | undefined, b: SessionRecord | undefined): boolean {
  return a !== undefined && a.idempotencyKey === b?.idempotencyKey;
}
