import { received, sameToken, sessionOf, type AccessToken, type Credential } from './access-token.js';
import { Backoff } from './backoff.js';
import { since } from './clock.js';
import { DeviceToken } from './device.js';
import { LatchkeyError, nothingPending, signedOut, storeError } from './errors.js';
import type { User, UserID } from './generated/types.gen.js';
import type { Step } from './operations.js';
import type { SessionRecord } from './record.js';
import { Refusals } from './refusals.js';
import { Revocations } from './revocations.js';
import { exchange, type Exchange, type Pair } from './server-calls.js';
import { SessionNews, type EndReason, type Session } from './session.js';
import { newKey, type Settings } from './settings.js';
import { Slots } from './slots.js';
import { lockStore } from './store-lock.js';
import { UnlockGate } from './unlock.js';
import { sameUser } from './user-id.js';
import { until, within } from './waiting.js';

/** How long a call waits for a refresh after one that got no answer, in milliseconds. */
const shortPatience = 2_000;

/** A sign-in that is under way. In memory only: its token is worth a password. */
interface Underway {
  readonly sessionToken: string;
  /** The flows that it has pending. */
  readonly flows: readonly string[];
}

/** What was known when a request was made. */
export type Origin = Pick<Credential, 'epoch' | 'begun'> & { readonly sessionToken?: string | undefined };

/** Keeps one session: what is stored, what is in memory, and the one refresh in flight. */
export class Keeper {
  readonly news = new SessionNews();
  readonly device: DeviceToken;
  readonly slots: Slots;
  private readonly gate: UnlockGate;
  private readonly backoff: Backoff;
  private readonly readings: Backoff;
  private readonly revocations: Revocations;
  readonly refusals: Refusals;

  private record: SessionRecord | undefined;
  private access: AccessToken | undefined;
  private user: User | undefined;
  private underway: (Underway & { readonly begun: number }) | undefined;
  /** Counts the sessions in memory: what belongs to the one before must not change this one. */
  private epoch = 0;
  /** Counts sign-ins and sign-outs as they begin: only the newest sets the session or what is pending. */
  private begun = 0;
  /** The session that was signed out although the store could not forget it. */
  private leaving: SessionRecord | undefined;
  /** A token is being taken over: what it is good for is not known yet. */
  private adopting = false;

  private opened: Promise<void> | undefined;
  private loading: Promise<unknown> | undefined;
  private refreshing: Promise<void> | undefined;
  private abortRefresh: (() => void) | undefined;
  private stopReading: (() => void) | undefined;

  constructor(private readonly settings: Settings) {
    this.slots = new Slots(settings.storage, settings.clock);
    this.device = new DeviceToken(settings.storage);
    this.backoff = new Backoff(settings.clock, settings.random);
    this.readings = new Backoff(settings.clock, settings.random);
    this.refusals = new Refusals(settings);
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

  /** The network is back: nothing waits because of it any more. */
  online(): void {
    this.backoff.online();
    this.revocations.online();
  }

  /** The network is gone, as far as the device knows. It may be wrong, so that a try is due soon. */
  offline(): void {
    this.backoff.lose(new LatchkeyError('network', 'the device is offline'));
  }

  /** A sign-in or a sign-out begins: what has begun before sets nothing any more. */
  begin(): number {
    return ++this.begun;
  }

  /**
   * What to send with a request: nothing with one that signs in anew; the token of the sign-in
   * that is under way with a step of it, and with any other while nobody is signed in. Throws
   * where nobody can tell who is signed in: what a sign-in brings could not be stored either.
   */
  async credential(use: Step | 'anew' | undefined, signal?: AbortSignal | null): Promise<Credential> {
    const { underway } = this;
    await until(this.load(), signal).catch((error: unknown) => {
      if (!this.slots.lost() || (use !== 'anew' && !underway)) {
        throw error;
      }
    });
    const { epoch, begun } = this;
    if (use === 'anew') {
      return { epoch, begun };
    }
    const signedIn = this.session.state === 'signed_in';
    if (underway && (!signedIn || use === true || (use && underway.flows.includes(use)))) {
      return { epoch, begun, sessionToken: underway.sessionToken };
    }
    if (use === true) {
      throw nothingPending();
    }
    if (!signedIn) {
      return { epoch, begun };
    }
    await until(this.unlock(false), signal);
    const { clock } = this.settings;
    const held = this.access;
    const fresh = !held || since(held.at, clock) >= held.renew;
    if (fresh) {
      try {
        await this.refresh(signal);
      } catch (error) {
        const { kind } = error as LatchkeyError;
        if (kind === 'cancelled' || !held || held !== this.access || since(held.at, clock) >= held.life) {
          throw error;
        }
      }
    }
    return { access: this.needed(), fresh, epoch: this.epoch, begun };
  }

  /** A token to repeat a request with that was refused there; undefined while a refresh may not be tried. */
  async renew(refused: AccessToken, origin: string, signal?: AbortSignal | null): Promise<AccessToken | undefined> {
    if (this.access === refused) {
      const caused = !this.refreshing;

      if (caused && (this.backoff.wait() > 0 || this.backoff.offline() > 0 || !this.refusals.allows(origin))) {
        return undefined;
      }
      const refreshed = this.refresh(signal);

      if (caused) {
        this.refreshing?.then(
          () => this.refusals.refreshed(),
          ({ kind }: LatchkeyError) => kind === 'network' || this.refusals.refreshed(),
        );
      }
      await refreshed;
    }
    return this.needed();
  }

  /** Refreshes, or joins the refresh in flight. Never prompts. `asked`: the user wants it now. */
  async refresh(signal?: AbortSignal | null, asked = false): Promise<void> {
    const impatient = this.backoff.silence && !asked;
    this.refreshing ??= this.refreshOnce(asked).finally(() => (this.refreshing = undefined));

    // Where there was no network, the try goes on alone: it may keep nobody waiting.
    return until(impatient ? within(this.settings.clock, shortPatience, this.refreshing) : this.refreshing, signal);
  }

  /**
   * Keeps what a sign-in brought, unless a newer one has begun since its request, or ended
   * since; `anew` says that it is another session than the one before, which is then ended.
   */
  async adopt(pair: Pair, origin: Origin, anew: boolean): Promise<void> {
    const wanted = (): boolean => (anew ? origin.begun === this.begun : origin.epoch === this.epoch);
    const content = this.contentOf(pair, pair.user?.id);
    const revoke = (): void => void this.revocations.add({ ...content, sequence: 0 }, pair.access);
    let found: SessionRecord | undefined;
    try {
      found = await this.slots.replace('anything', content, wanted);
    } catch (error) {
      revoke(); // it cannot be kept, so it must not live on unseen
      throw error;
    }
    if (!found || !wanted() || found.idempotencyKey !== content.idempotencyKey) {
      revoke();
      throw nothingPending();
    }
    if (anew) {
      this.epoch++;
      this.begun++;
      if (this.session.state === 'unknown') {
        this.news.set({ state: 'signed_out', reason: 'storage_key_lost', endedAt: undefined });
      }
      if (this.record) {
        void this.revocations.add(this.record, this.access);
      }
    }
    this.gate.closed = false;
    this.underway = undefined;
    this.backoff.succeed();
    this.hold(found, pair);
    await this.device.keep(pair.deviceToken);
  }

  /**
   * Notes what a sign-in has pending, whoever is signed in. A first step takes the place of any
   * other sign-in, a further one only of its own. What comes late must not bring its sign-in back.
   */
  pending(next: Underway, origin: Origin, first: boolean): void {
    if (first ? origin.begun === this.begun : origin.sessionToken === this.underway?.sessionToken) {
      this.underway = { ...next, begun: origin.begun };
    } else if (first) {
      throw nothingPending(); // a newer one has begun, or the user has signed out
    }
  }

  /** Forgets a sign-in that is over, where it has not been replaced meanwhile. */
  dropPending(sessionToken: string): void {
    if (this.underway?.sessionToken === sessionToken) {
      this.underway = undefined;
    }
  }

  /** Forgets the sign-in that is under way, and what is still on its way to it. */
  cancelPending(): void {
    this.begun++;
    this.underway = undefined;
  }

  /** Steps of this flow go with the session from now on, unless the sign-in began later. */
  claim(flow: string, { begun }: Origin): void {
    const { underway } = this;

    if (underway && underway.begun <= begun) {
      this.underway = { ...underway, flows: underway.flows.filter((other) => other !== flow) };
    }
  }

  /**
   * Takes over a token that another client of the app has left: stored first, then spent with the
   * key that was stored with it, so that it may be cut anywhere. A session that is there is
   * replaced once the server takes the token.
   */
  async takeOver(refreshToken: string, accessToken: string | undefined, signal?: AbortSignal | null): Promise<Session> {
    const begun = this.begin();
    await until(this.load(), signal);
    await this.refreshing?.catch(() => undefined); // it belongs to the session of before
    const known = this.record?.refreshToken;

    if (known === refreshToken || sameToken(refreshToken, known)) {
      await this.refresh(signal, true); // it was stored, and no answer came
    } else if (!known || sessionOf(refreshToken) === undefined || sessionOf(refreshToken) !== sessionOf(known)) {
      await this.spendOther(refreshToken, accessToken, begun, signal);
    } // else it has been taken over, and spent
    return this.session;
  }

  private async spendOther(refreshToken: string, accessToken: string | undefined, begun: number, signal?: AbortSignal | null): Promise<void> {
    const content = { refreshToken, idempotencyKey: newKey(this.settings.random) };
    const found = await this.slots.replace('beside', content, () => begun === this.begun);
    if (begun !== this.begun || !found || !same(found, { ...content, sequence: 0 })) {
      throw nothingPending();
    }
    this.forget();
    this.underway = undefined;
    this.record = found;
    this.access = accessToken ? { ...received(accessToken, this.settings.clock), renew: 0 } : undefined; // until there is a new one
    this.backoff.succeed();
    this.adopting = true;
    try {
      await this.refresh(signal, true);
    } finally {
      this.adopting = false;
      this.show();
    }
  }

  /** Ends the session here, and begins to tell the server. */
  async signOut(reason: EndReason = 'user'): Promise<{ revoked: Promise<boolean> }> {
    const { record, access } = this;
    this.cancelPending();
    this.forget();
    this.abortRefresh?.();
    const { epoch } = this;
    if (record) {
      this.news.set({ state: 'signed_out', reason, endedAt: undefined });
    }
    let ended = record;
    let failure: unknown;
    try {
      await this.open();
      // A sign-in that began later may stand there by now.
      ended = (await this.slots.end({ reason, keepToken: true, wanted: () => epoch === this.epoch })) ?? record;
      if (this.session.state !== 'signed_out' && epoch === this.epoch) {
        const lost = this.slots.lost() ? 'storage_key_lost' : undefined;
        this.news.set({ state: 'signed_out', reason: ended ? (ended.endReason ?? reason) : lost, endedAt: ended?.endedAt });
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

  private async refreshOnce(asked: boolean): Promise<void> {
    const wait = this.backoff.wait();
    const offline = this.backoff.offline();
    if (wait > 0) {
      throw new LatchkeyError('server', 'the last refresh failed; it is too early for the next', { retryAfter: Math.ceil(wait / 1_000) });
    }
    if (offline > 0 && !(asked && this.backoff.takeFree())) {
      throw new LatchkeyError('network', 'the last refresh got no answer', { retryAfter: Math.ceil(offline / 1_000), cause: this.backoff.silence });
    }
    await this.load();
    const { epoch } = this;
    const release = await lockStore(this.settings);
    try {
      for (let turn = 0; turn < 2; turn++) {
        const spent = await this.look(); // another process may have spent the token that we know
        if (this.replaced(epoch)) {
          return;
        }
        if (!spent) {
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

  /** Whether a sign-in has replaced the session of before. Throws where that has ended. */
  private replaced(epoch: number): boolean {
    if (epoch !== this.epoch && !this.access) {
      throw this.nobody();
    }
    return epoch !== this.epoch;
  }

  /** Spends a refresh token. False where the store holds another one by now. */
  private async spend(spent: SessionRecord, epoch: number): Promise<boolean> {
    const { before } = this.slots;
    try {
      const answer = await this.ask(spent);
      if (this.replaced(epoch)) {
        return true;
      }
      if ('access' in answer) {
        const kept = await this.keep(spent, answer, epoch);
        if (kept && before) {
          void this.revocations.add(before);
        }
        return kept;
      }
      const found = await this.look();
      if (!same(found, spent)) {
        return false;
      }
      if ('conflict' in answer) {
        throw answer.conflict;
      }
      if (before) {
        await this.slots.withdraw(spent);
        await this.look();
        throw signedOut(answer.refused);
      }
      await this.end(answer.refused, answer.endedAt, found);
      throw this.nobody();
    } catch (error) {
      const { kind, retryAfter } = error as LatchkeyError;
      if (kind === 'signed_out') {
        throw error;
      }
      if (this.replaced(epoch)) {
        return true;
      }
      if (kind === 'network') {
        this.backoff.lose(error);
      } else {
        this.backoff.fail(retryAfter);
      }
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
      this.backoff.succeed();
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

  /** Drops the session in memory, and what is still on its way to it. A sign-in that is under way goes on. */
  private forget(): void {
    this.epoch++;
    this.record = this.access = this.user = undefined;
  }

  private show(): void {
    if (this.record && !this.adopting) {
      this.news.set({ state: 'signed_in', userId: this.record.userId, user: this.user, needsUnlock: this.gate.closed });
    }
  }
}

/** Whether two records hold the same refresh token: each token has a key of its own. */
function same(a: SessionRecord | undefined, b: SessionRecord | undefined): boolean {
  return a !== undefined && a.idempotencyKey === b?.idempotencyKey;
}
