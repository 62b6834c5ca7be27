import type { AccessToken, Credential } from './access-token.js';
import { createBackoff } from './backoff.js';
import { since } from './clock.js';
import { createDeviceToken } from './device.js';
import { createEnding } from './ending.js';
import { LatchkeyError, nothingPending } from './errors.js';
import { createMemory } from './memory.js';
import type { Step } from './operations.js';
import { createPendingSignIn, type Origin } from './pending.js';
import { createReading, keyLost } from './reading.js';
import type { SessionRecord } from './record.js';
import { createRefreshing } from './refreshing.js';
import { createRefusals } from './refusals.js';
import { createRevocations } from './revocations.js';
import type { Pair } from './server-calls.js';
import type { Settings } from './settings.js';
import { contentOf, createSlots } from './slots.js';
import { createUnlockGate } from './unlock.js';
import { until } from './waiting.js';

/** What the parts of one session's keeper share. */
export type Parts = ReturnType<typeof createParts>;

/** Keeps one session: what is stored, what is in memory, and the one refresh in flight. */
export type Keeper = ReturnType<typeof createKeeper>;

function createParts(settings: Settings, needsUnlock: () => boolean) {
  const { clock, random, storage } = settings;
  const slots = createSlots(storage, clock);

  return {
    settings,
    slots,
    memory: createMemory(needsUnlock),
    pending: createPendingSignIn(),
    device: createDeviceToken(storage),
    backoff: createBackoff(clock, random),
    refusals: createRefusals(settings),
    revocations: createRevocations(settings, ({ refreshToken }) => slots.settle(refreshToken)),
  };
}

export function createKeeper(settings: Settings) {
  const { clock, random, storage } = settings;
  const gate = createUnlockGate(storage, clock, async () => {
    await ending.signOut('biometrics_changed');
    throw memory.nobody();
  });
  const parts = createParts(settings, gate.isClosed);
  const { memory, pending, device, slots, backoff, refusals, revocations } = parts;
  const reading = createReading(parts);
  const ending = createEnding(parts, reading, () => refreshing.abortRefresh());
  const refreshing = createRefreshing(parts, reading, ending);
  let clients = 0;

  /**
   * What to send with a request: nothing with one that signs in anew; the token of the sign-in
   * that is under way with a step of it, and with any other while nobody is signed in. Throws
   * where nobody can tell who is signed in: what a sign-in brings could not be stored either.
   */
  async function credential(use: Step | 'anew' | undefined, signal?: AbortSignal | null): Promise<Credential> {
    const mayReplace = use === 'anew' || pending.isUnderway();
    await until(reading.load(), signal).catch((error: unknown) => {
      if (!slots.lost() || !mayReplace) {
        throw error;
      }
    });
    if (use === 'anew') {
      return known();
    }
    const signedIn = memory.news.now().state === 'signed_in';
    const sessionToken = pending.tokenFor(use, signedIn);
    if (sessionToken) {
      return { ...known(), sessionToken };
    }
    if (use === true) {
      throw nothingPending();
    }
    if (!signedIn) {
      return known();
    }
    await until(unlock(false), signal);

    return { fresh: await refreshIfDue(signal), ...known(), access: memory.needed() };
  }

  function known(): Origin {
    return { epoch: memory.epoch, begun: pending.begun() };
  }

  /** Refreshes an access token that is about to end, or has ended. A try that fails says nothing while it lives. */
  async function refreshIfDue(signal?: AbortSignal | null): Promise<boolean> {
    const held = memory.access;
    if (held && since(held.at, clock) < held.renew) {
      return false;
    }
    try {
      await refreshing.refresh(signal);
    } catch (error) {
      const { kind } = error as LatchkeyError;
      if (kind === 'cancelled' || !held || held !== memory.access || since(held.at, clock) >= held.life) {
        throw error;
      }
    }
    return true;
  }

  /**
   * Keeps what a sign-in brought, unless a newer one has begun since its request, or ended
   * since; `anew` says that it is another session than the one before, which is then ended.
   */
  async function adopt(pair: Pair, origin: Origin, anew: boolean): Promise<void> {
    const wanted = (): boolean => (anew ? pending.isNewest(origin.begun) : origin.epoch === memory.epoch);
    const content = contentOf(pair, pair.user?.id, random);
    const write = async (): Promise<SessionRecord> => {
      const found = await slots.replace('anything', content, wanted);
      if (!found || !wanted() || found.idempotencyKey !== content.idempotencyKey) {
        throw nothingPending();
      }
      return found;
    };
    const overtaken = (): SessionRecord | undefined => (anew && wanted() ? memory.record : undefined);
    const beneath = slots.before();
    const alone = (): Promise<SessionRecord> => ending.overtake(() => (anew && wanted() ? beneath : undefined), write);
    const found = await ending.overtake(overtaken, alone).catch(async (error: unknown) => {
      await ending.discard(content, pair.access);
      throw error;
    });
    if (anew) {
      memory.epoch++;
      pending.begin();
      if (memory.news.now().state === 'unknown') {
        memory.leave(keyLost);
      }
    }
    gate.open();
    pending.clear();
    backoff.succeed();
    memory.hold(found, pair);
    await device.keep(pair.deviceToken);
  }

  /** Puts a stored record in the place of the session; what it is good for shows only with `settled`. */
  function place(stored: SessionRecord, token: AccessToken | undefined): () => void {
    memory.forget();
    pending.clear();
    memory.record = stored;
    memory.access = token;
    memory.adopting = true;
    backoff.succeed();

    return function settled() {
      memory.adopting = false;
      memory.show();
    };
  }

  /** Lets the user prove that they are there. `asked`: they pressed a button for it. */
  async function unlock(asked: boolean): Promise<void> {
    await gate.pass(asked);
    memory.show();
  }

  /** Asks for the unlock prompt again from the next request on. */
  function lock(): void {
    gate.close();
    memory.show();
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

  /** Begins its use by a client. The returned function ends that: the timers with the last one, which is told so. */
  function share(): () => boolean {
    let isOpen = true;
    clients++;

    return function leaveKeeper() {
      clients -= isOpen ? 1 : 0;
      isOpen = false;
      if (clients === 0) {
        reading.close();
        revocations.close();
      }
      return clients === 0;
    };
  }

  return {
    session: memory.news.now,
    onChange: memory.news.onChange,
    stored: () => memory.record,
    nobody: memory.nobody,
    load: reading.load,
    refresh: refreshing.refresh,
    renew: refreshing.renew,
    idle: refreshing.idle,
    signOut: ending.signOut,
    end: ending.end,
    overtake: ending.overtake,
    pending,
    device,
    slots,
    refusals,
    credential,
    adopt,
    place,
    unlock,
    lock,
    online,
    offline,
    share,
  };
}
