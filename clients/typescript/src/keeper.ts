import { sameToken, type AccessToken, type Credential } from './access-token.js';
import { createBackoff } from './backoff.js';
import { since } from './clock.js';
import { createDeviceToken } from './device.js';
import { LatchkeyError, nothingPending, signedOut, storeError } from './errors.js';
import type { User, UserID } from './generated/types.gen.js';
import type { Step } from './operations.js';
import type { SessionRecord } from './record.js';
import { createRefusals } from './refusals.js';
import { createRevocations } from './revocations.js';
import { exchange, type Pair } from './server-calls.js';
import { createSessionNews, type EndReason } from './session.js';
import { newKey, type Settings } from './settings.js';
import { createSlots } from './slots.js';
import { lockStore } from './store-lock.js';
import { createUnlockGate } from './unlock.js';
import { sameUser } from './user-id.js';
import { newController, until, within } from './waiting.js';

const keyLost = 'storage_key_lost';

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
export type Keeper = ReturnType<typeof createKeeper>;

export function createKeeper(settings: Settings) {
  const { clock, random, storage } = settings;
  const news = createSessionNews();
  const device = createDeviceToken(storage);
  const slots = createSlots(storage, clock);
  const backoff = createBackoff(clock, random);
  const readings = createBackoff(clock, random);
  const refusals = createRefusals(settings);
  const revocations = createRevocations(settings, ({ refreshToken }) => slots.settle(refreshToken));
  const gate = createUnlockGate(storage, clock, async () => {
    await signOut('biometrics_changed');
    throw nobody();
  });

  let record: SessionRecord | undefined;
  let access: AccessToken | undefined;
  let user: User | undefined;
  let underway: (Underway & { readonly begun: number }) | undefined;
  /** Counts the sessions in memory: what belongs to the one before must not change this one. */
  let epoch = 0;
  /** Counts sign-ins and sign-outs as they begin: only the newest sets the session or what is pending. */
  let begun = 0;
  /** The session that was signed out although the store could not forget it. */
  let leaving: SessionRecord | undefined;
  /** A token is being taken over: what it is good for is not known yet. */
  let adopting = false;
  // What the last run has left to be ended has been looked for.
  let resumed = false;

  let opened: Promise<void> | undefined;
  let loading: Promise<unknown> | undefined;
  let refreshing: Promise<void> | undefined;
  let abortRefresh: (() => void) | undefined;
  let stopReading: (() => void) | undefined;

  function close(): void {
    stopReading?.();
    revocations.close();
  }

  /** Reads the store, where that has not succeeded yet. */
  async function load(): Promise<void> {
    if (news.now().state === 'unknown' || news.now().state === 'locked') {
      loading ??= look().finally(() => (loading = undefined));
      await loading;
    }
  }

  /** The network is back: nothing waits because of it any more. */
  function online(): void {
    backoff.online();
    revocations.online();
  }

  /** The network is gone, as far as the device knows. It may be wrong, so that a try is due soon. */
  function offline(): void {
    backoff.lose(new LatchkeyError('network', 'no network'));
  }

  /** A sign-in begins: what has begun before sets nothing any more. */
  function begin(): number {
    return ++begun;
  }

  /**
   * What to send with a request: nothing with one that signs in anew; the token of the sign-in
   * that is under way with a step of it, and with any other while nobody is signed in. Throws
   * where nobody can tell who is signed in: what a sign-in brings could not be stored either.
   */
  async function credential(use: Step | 'anew' | undefined, signal?: AbortSignal | null): Promise<Credential> {
    const signIn = underway;
    await until(load(), signal).catch((error: unknown) => {
      if (!slots.lost() || (use !== 'anew' && !signIn)) {
        throw error;
      }
    });
    if (use === 'anew') {
      return { epoch, begun };
    }
    const signedIn = news.now().state === 'signed_in';
    if (underway && (!signedIn || use === true || (use && underway.flows.includes(use)))) {
      return { epoch, begun, sessionToken: underway.sessionToken };
    }
    if (use === true) {
      throw nothingPending();
    }
    if (!signedIn) {
      return { epoch, begun };
    }
    await until(unlock(false), signal);
    const held = access;
    const fresh = !held || since(held.at, clock) >= held.renew;
    if (fresh) {
      try {
        await refresh(signal);
      } catch (error) {
        const { kind } = error as LatchkeyError;
        if (kind === 'cancelled' || !held || held !== access || since(held.at, clock) >= held.life) {
          throw error;
        }
      }
    }
    return { access: needed(), fresh, epoch, begun };
  }

  /** A token to repeat a request with that was refused there; undefined while a refresh may not be tried. */
  async function renew(refused: AccessToken, origin: string, signal?: AbortSignal | null): Promise<AccessToken | undefined> {
    if (access === refused) {
      const caused = !refreshing;

      if (caused && (backoff.wait() > 0 || backoff.offline() > 0 || !refusals.allows(origin))) {
        return undefined;
      }
      const refreshed = refresh(signal);

      if (caused) {
        refreshing?.then(
          () => refusals.refreshed(),
          ({ kind }: LatchkeyError) => kind === 'network' || refusals.refreshed(),
        );
      }
      await refreshed;
    }
    return needed();
  }

  /** Refreshes, or joins the refresh in flight. Never prompts. `asked`: the user wants it now. */
  async function refresh(signal?: AbortSignal | null, asked = false): Promise<void> {
    const impatient = backoff.lastLoss() && !asked;
    refreshing ??= refreshOnce(asked).finally(() => (refreshing = undefined));

    // Where there was no network, the try goes on alone: it may keep nobody waiting.
    return until(impatient ? within(clock, shortPatience, refreshing) : refreshing, signal);
  }

  /**
   * Keeps what a sign-in brought, unless a newer one has begun since its request, or ended
   * since; `anew` says that it is another session than the one before, which is then ended.
   */
  async function adopt(pair: Pair, origin: Origin, anew: boolean): Promise<void> {
    const wanted = (): boolean => (anew ? origin.begun === begun : origin.epoch === epoch);
    const content = contentOf(pair, pair.user?.id);
    const before = anew ? record : undefined;
    let found: SessionRecord | undefined;
    try {
      await (before && wanted() && revocations.keep(before)); // it is to end even if this program does so first
      found = await slots.replace('anything', content, wanted);
      if (!found || !wanted() || found.idempotencyKey !== content.idempotencyKey) {
        throw nothingPending();
      }
    } catch (error) {
      const session = { ...content, sequence: 0 };
      // Nobody has it, so it must not live on unseen. It takes the place of the one that was to end, and stays.
      await revocations.keep(session);
      await within(clock, shortPatience, revocations.add(session, pair.access)).catch(() => undefined);
      throw error;
    }
    if (anew) {
      epoch++;
      begun++;
      if (news.now().state === 'unknown') {
        leave(keyLost);
      }
      if (record) {
        void revocations.add(record, access);
      }
    }
    gate.open();
    underway = undefined;
    backoff.succeed();
    hold(found, pair);
    await device.keep(pair.deviceToken);
  }

  /**
   * Notes what a sign-in has pending, whoever is signed in. A first step takes the place of any
   * other sign-in, a further one only of its own. What comes late must not bring its sign-in back.
   */
  function pending(next: Underway, origin: Origin, first: boolean): void {
    if (first ? origin.begun === begun : origin.sessionToken === underway?.sessionToken) {
      underway = { ...next, begun: origin.begun };
    } else if (first) {
      throw nothingPending(); // a newer one has begun, or the user has signed out
    }
  }

  /** Forgets a sign-in that is over, where it has not been replaced meanwhile. */
  function dropPending(sessionToken: string): void {
    if (underway?.sessionToken === sessionToken) {
      underway = undefined;
    }
  }

  /** Forgets the sign-in that is under way, and what is still on its way to it. */
  function cancelPending(): void {
    begun++;
    underway = undefined;
  }

  /** Steps of this flow go with the session from now on, unless the sign-in began later. */
  function claim(flow: string, origin: Origin): void {
    if (underway && underway.begun <= origin.begun) {
      underway = { ...underway, flows: underway.flows.filter((other) => other !== flow) };
    }
  }

  /** Puts a stored record in the place of the session; what it is good for shows only with `settled`. */
  function place(stored: SessionRecord, token: AccessToken | undefined): () => void {
    forget();
    underway = undefined;
    record = stored;
    access = token;
    backoff.succeed();
    adopting = true;

    return function settled() {
      adopting = false;
      show();
    };
  }

  /** Ends the session here, and begins to tell the server. */
  async function signOut(reason: EndReason = 'user'): Promise<{ revoked: Promise<boolean> }> {
    const held = record;
    const token = access;
    cancelPending();
    forget();
    abortRefresh?.();
    const then = epoch;
    if (held) {
      leave(reason);
    }
    let ended = held;
    let failure: unknown;
    try {
      await open();
      // A sign-in that began later may stand there by now.
      ended = (await slots.end({ reason, keepToken: true, wanted: () => then === epoch })) ?? held;
      if (news.now().state !== 'signed_out' && then === epoch) {
        leave(ended ? (ended.endReason ?? reason) : slots.lost() ? keyLost : undefined, ended?.endedAt);
      }
    } catch (error) {
      failure = error;
      leaving = held;
    }
    const revoked = ended?.refreshToken ? revocations.add(ended, token) : Promise.resolve(true);
    if (failure) {
      throw storeError(failure);
    }
    return { revoked };
  }

  /** The server has ended the session; `only` that one. */
  async function end(reason: string, endedAt?: number, only?: SessionRecord): Promise<void> {
    forget();
    await slots.end({ reason, endedAt, only }).catch(() => undefined); // its token is dead anyhow
    leave(reason, endedAt);
    if (reason === 'account_deleted') {
      await device.forget().catch(() => undefined); // the account is gone, and its token says nothing any more
    }
  }

  /** Lets the person prove that they are there. `asked`: they pressed a button for it. */
  async function unlock(asked: boolean): Promise<void> {
    await gate.pass(asked);
    show();
  }

  /** Asks for the unlock prompt again from the next request on. */
  function lock(): void {
    gate.close();
    show();
  }

  async function refreshOnce(asked: boolean): Promise<void> {
    const busy = backoff.wait();
    const wait = busy || backoff.offline();
    if (wait && (busy || !asked || !backoff.takeFree())) {
      const details = { retryAfter: Math.ceil(wait / 1_000), cause: busy ? undefined : backoff.lastLoss() };
      throw new LatchkeyError(busy ? 'server' : 'network', 'it is too early to refresh', details);
    }
    await load();
    const then = epoch;
    const release = await lockStore(settings);
    try {
      for (let turn = 0; turn < 2; turn++) {
        const spent = await look(); // another process may have spent the token that we know
        if (replaced(then)) {
          return;
        }
        if (!spent) {
          throw nobody();
        }
        if (await spend(spent, then)) {
          return;
        } // else another process has stored a newer token: go on with that one
      }
      throw new LatchkeyError('server', 'another process refreshes');
    } finally {
      release();
    }
  }

  /** Whether a sign-in has replaced the session of before. Throws where that has ended. */
  function replaced(then: number): boolean {
    if (then !== epoch && !access) {
      throw nobody();
    }
    return then !== epoch;
  }

  /** Spends a refresh token. False where the store holds another one by now. */
  async function spend(spent: SessionRecord, then: number): Promise<boolean> {
    const before = slots.before();
    try {
      const controller = newController();
      abortRefresh = () => controller?.abort();
      const answer = await exchange(settings, spent, controller?.signal);
      if (replaced(then)) {
        return true;
      }
      if ('access' in answer) {
        if (!before) {
          return await keep(spent, answer, then);
        }
        await revocations.keep(before); // the next write goes to its slot
        const kept = await keep(spent, answer, then);
        void revocations.add(before);
        return kept;
      }
      const found = await look();
      if (!same(found, spent)) {
        return false;
      }
      if ('conflict' in answer) {
        throw answer.conflict;
      }
      if (before) {
        await slots.withdraw(spent);
        await look();
        throw signedOut(answer.refused);
      }
      await end(answer.refused, answer.endedAt, found);
      throw nobody();
    } catch (error) {
      const { kind, retryAfter } = error as LatchkeyError;
      if (kind === 'signed_out') {
        throw error;
      }
      if (replaced(then)) {
        return true;
      }
      if (kind === 'network') {
        backoff.lose(error);
      } else {
        backoff.fail(retryAfter);
      }
      throw error;
    }
  }

  /** Stores a new pair; it is used only after that. False where another session is stored now. */
  async function keep(spent: SessionRecord, pair: Pair, then: number): Promise<boolean> {
    const fresh = contentOf(pair, pair.user?.id ?? spent.userId);
    // An attempt to spend this very token that is still on its way has sent the key of before.
    const content = sameToken(pair.refreshToken, spent.refreshToken) ? { ...fresh, idempotencyKey: spent.idempotencyKey } : fresh;
    const found = await slots.replace(spent, content, () => then === epoch);
    if (!found || found.endReason || !sameUser(found.userId, content.userId) || then !== epoch) {
      return false;
    }
    if (found.sequence !== record?.sequence || !same(found, record)) { // else somebody has signed in here meanwhile
      // Where another process was faster, its record is of the same generation or a later one.
      backoff.succeed();
      hold(found, pair);
    }
    return true;
  }

  function contentOf(pair: Pair, userId: UserID | undefined): Omit<SessionRecord, 'sequence'> {
    return { refreshToken: pair.refreshToken, idempotencyKey: newKey(random), userId };
  }

  function hold(stored: SessionRecord, pair: Pair): void {
    record = stored;
    access = pair.access;
    user = pair.user ?? user;
    show();
  }

  /** Reads the store and takes over what is there: another process may have written it. */
  async function look(): Promise<SessionRecord | undefined> {
    const then = epoch;
    let found: SessionRecord | undefined;
    try {
      await open();
      found = await slots.read();
      if (found && !found.endReason && same(found, leaving)) {
        await slots.end({ reason: 'user', only: leaving });
        found = await slots.read();
      }
    } catch (error) {
      unreadable(storeError(error));
      throw error;
    }
    if (then !== epoch) {
      return undefined;
    }
    readings.succeed();
    if (!resumed) {
      resumed = true;
      void revocations.resume(found);
    }
    return take(found);
  }

  function take(found: SessionRecord | undefined): SessionRecord | undefined {
    if (found?.refreshToken && !found.endReason) {
      if (!sameUser(found.userId, record?.userId)) {
        access = user = undefined;
      }
      record = found;
      show();
      return found;
    }
    if (found?.refreshToken) {
      void revocations.add(found);
    }
    if (news.now().state !== 'signed_out') {
      const reason = found?.endReason ?? (record ? 'elsewhere' : undefined);
      forget();
      leave(reason, found?.endedAt);
    }
    return undefined;
  }

  function open(): Promise<void> {
    const clear = async (): Promise<void> => {
      await slots.end({ reason: 'reinstalled' });
      await device.forget();
    };
    opened ??= (storage.open?.(clear) ?? Promise.resolve()).catch((error: unknown) => {
      opened = undefined;
      throw storeError(error);
    });
    return opened;
  }

  function unreadable(error: LatchkeyError): void {
    if (error.code === keyLost) {
      forget();
      leave(keyLost);
      return;
    }
    const { state } = news.now();
    if (state === 'unknown' || state === 'locked') {
      news.set({ state: error.kind === 'locked' ? 'locked' : 'unknown' });
      readings.fail();
      stopReading?.();
      stopReading = clock.setTimer(() => void load().catch(() => undefined), readings.wait());
    }
  }

  function needed(): AccessToken {
    if (!access) {
      throw nobody();
    }
    return access;
  }

  /** The error for who needs a session, with the reason why there is none. */
  function nobody(): LatchkeyError {
    const session = news.now();
    return signedOut(session.state === 'signed_out' ? session.reason : 'user');
  }

  /** Drops the session in memory, and what is still on its way to it. A sign-in that is under way goes on. */
  function forget(): void {
    epoch++;
    record = access = user = undefined;
  }

  function leave(reason: string | undefined, endedAt?: number): void {
    news.set({ state: 'signed_out', reason, endedAt });
  }

  function show(): void {
    if (record && !adopting) {
      news.set({ state: 'signed_in', userId: record.userId, user, needsUnlock: gate.isClosed() });
    }
  }

  return {
    session: news.now,
    onChange: news.onChange,
    device,
    slots,
    refusals,
    close,
    load,
    online,
    offline,
    begin,
    credential,
    renew,
    refresh,
    adopt,
    pending,
    dropPending,
    cancelPending,
    claim,
    place,
    stored: () => record,
    isNewest: (number: number) => number === begun,
    /** Resolves when no refresh is in flight. */
    idle: async () => void (await refreshing?.catch(() => undefined)),
    signOut,
    end,
    unlock,
    lock,
    nobody,
  };
}

/** Whether two records hold the same refresh token: each token has a key of its own. */
export function same(a: SessionRecord | undefined, b: SessionRecord | undefined): boolean {
  return a !== undefined && a.idempotencyKey === b?.idempotencyKey;
}
