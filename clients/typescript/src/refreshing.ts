import { sameToken, type AccessToken } from './access-token.js';
import { LatchkeyError, signedOut } from './errors.js';
import type { Ending } from './ending.js';
import type { Parts } from './keeper.js';
import type { Reading } from './reading.js';
import { isSessionToken, same, type SessionRecord } from './record.js';
import { exchange, type Exchange, type Pair } from './server-calls.js';
import { contentOf } from './slots.js';
import { lockStore } from './store-lock.js';
import { sameUser } from './user-id.js';
import { newController, shortPatience, until, within } from './waiting.js';

/** The one refresh in flight. */
export type Refreshing = ReturnType<typeof createRefreshing>;

export function createRefreshing(parts: Parts, reading: Reading, ending: Pick<Ending, 'end' | 'overtake'>) {
  const { settings, memory, slots, backoff, refusals } = parts;
  let inFlight: Promise<void> | undefined;
  let abort: (() => void) | undefined;

  /** Refreshes, or joins the refresh in flight. Never prompts. `asked`: the user wants it now. */
  async function refresh(signal?: AbortSignal | null, asked = false): Promise<void> {
    const impatient = backoff.lastLoss() && !asked;
    inFlight ??= refreshOnce(asked).finally(() => (inFlight = undefined));

    // Where there was no network, the try goes on alone: it may keep nobody waiting.
    return until(impatient ? within(settings.clock, shortPatience, inFlight) : inFlight, signal);
  }

  /** A token to repeat a request with that was refused there; undefined while a refresh may not be tried. */
  async function renew(
    refused: AccessToken,
    origin: string,
    signal?: AbortSignal | null,
  ): Promise<AccessToken | undefined> {
    if (memory.access === refused) {
      const caused = !inFlight;

      if (caused && (backoff.wait() > 0 || backoff.offline() > 0 || !refusals.allows(origin))) {
        return undefined;
      }
      const refreshed = refresh(signal);

      if (caused) {
        inFlight?.then(
          () => refusals.refreshed(),
          ({ kind }: LatchkeyError) => kind === 'network' || refusals.refreshed(),
        );
      }
      await refreshed;
    }
    return memory.needed();
  }

  async function refreshOnce(asked: boolean): Promise<void> {
    waitForTurn(asked);
    await reading.load();
    const then = memory.epoch;
    const release = await lockStore(settings);
    try {
      for (let turn = 0; turn < 2; turn++) {
        const spent = await reading.look(); // another process may have spent the token that we know
        if (isReplaced(then)) {
          return;
        }
        if (!spent) {
          throw memory.nobody();
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

  /** Throws where it is too early for the next try. A user who asks for it has one while there is no network. */
  function waitForTurn(asked: boolean): void {
    const busy = backoff.wait();
    const wait = busy || backoff.offline();
    if (wait && (busy || !asked || !backoff.takeFree())) {
      const details = { retryAfter: Math.ceil(wait / 1_000), cause: busy ? undefined : backoff.lastLoss() };
      throw new LatchkeyError(busy ? 'server' : 'network', 'it is too early to refresh', details);
    }
  }

  /** Whether a sign-in has replaced the session of before. Throws where that has ended. */
  function isReplaced(then: number): boolean {
    if (then !== memory.epoch && !memory.access) {
      throw memory.nobody();
    }
    return then !== memory.epoch;
  }

  /** Spends a refresh token. False where the store holds another one by now. */
  async function spend(spent: SessionRecord, then: number): Promise<boolean> {
    const before = slots.before(); // the next write goes to its slot
    try {
      const controller = newController();
      abort = () => controller?.abort();
      const answer = await exchange(settings, spent, controller?.signal);
      if (isReplaced(then)) {
        return true;
      }
      if ('access' in answer) {
        return await ending.overtake(
          () => before,
          () => keep(spent, answer, then),
        );
      }
      return await takeRefusal(spent, answer, before);
    } catch (error) {
      const { kind, retryAfter } = error as LatchkeyError;
      if (kind === 'signed_out') {
        throw error;
      }
      if (isReplaced(then)) {
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

  /** The server refuses a token. False where the store holds another one by now. */
  async function takeRefusal(
    spent: SessionRecord,
    answer: Exclude<Exchange, Pair>,
    before: SessionRecord | undefined,
  ): Promise<false> {
    const found = await reading.look();
    if (!same(found, spent)) {
      return false;
    }
    if ('conflict' in answer) {
      throw answer.conflict;
    }
    if (before) {
      await slots.withdraw(spent);
      await reading.look();
      throw signedOut(answer.refused);
    }
    await ending.end(answer.refused, answer.endedAt, found);
    throw memory.nobody();
  }

  /** Stores a new pair; it is used only after that. False where another session is stored now. */
  async function keep(spent: SessionRecord, pair: Pair, then: number): Promise<boolean> {
    const fresh = contentOf(pair, pair.user?.id ?? spent.userId, settings.random);
    // An attempt to spend this very token that is still on its way has sent the key of before.
    const { idempotencyKey } = sameToken(pair.refreshToken, spent.refreshToken) ? spent : fresh;
    const content = { ...fresh, idempotencyKey, from: spent.from };
    const found = await slots.replace(spent, content, () => then === memory.epoch);
    if (!found || found.endReason || !sameUser(found.userId, content.userId) || then !== memory.epoch) {
      return false;
    }
    const { record } = memory;
    if (found.sequence !== record?.sequence || !same(found, record)) { // else a newer sign-in stands there meanwhile
      // Where another process was faster, its record is of the same generation or a later one.
      backoff.succeed();
      memory.hold(found, pair);
    }
    if (isSessionToken(spent)) {
      await slots.withdraw(spent).catch(() => undefined); // it may still work; otherwise the next refresh writes over it
    }
    return true;
  }

  return {
    refresh,
    renew,
    /** Its answer comes to nobody. */
    abortRefresh: () => abort?.(),
    /** Resolves when no refresh is in flight. */
    idle: async () => void (await inFlight?.catch(() => undefined)),
  };
}
