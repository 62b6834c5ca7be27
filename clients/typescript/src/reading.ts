import { createBackoff } from './backoff.js';
import { storeError, type LatchkeyError } from './errors.js';
import type { Parts } from './keeper.js';
import { same, type SessionRecord } from './record.js';
import { sameUser } from './user-id.js';

export const keyLost = 'storage_key_lost';

/** Reads the store, and takes over what is there: another process may have written it. */
export type Reading = ReturnType<typeof createReading>;

export function createReading({ settings, memory, device, slots, revocations }: Parts) {
  const { clock, random, storage } = settings;
  const backoff = createBackoff(clock, random);
  // What the last run has left to be ended has been looked for.
  let resumed = false;
  let opened: Promise<void> | undefined;
  let loading: Promise<unknown> | undefined;
  let stopTimer: (() => void) | undefined;

  /** Reads the store, where that has not succeeded yet. */
  async function load(): Promise<void> {
    if (isUnread()) {
      loading ??= look().finally(() => (loading = undefined));
      await loading;
    }
  }

  /** Reads the store now. */
  async function look(): Promise<SessionRecord | undefined> {
    const then = memory.epoch;
    let found: SessionRecord | undefined;
    try {
      await open();
      found = await slots.read();
      if (found && !found.endReason && same(found, memory.leaving)) {
        await slots.end({ reason: 'user', only: memory.leaving });
        found = await slots.read();
      }
    } catch (error) {
      noteUnreadable(storeError(error));
      throw error;
    }
    if (then !== memory.epoch) {
      return undefined;
    }
    backoff.succeed();
    if (!resumed) {
      resumed = true;
      void revocations.resume([found, slots.before()]);
    }
    return take(found);
  }

  function take(found: SessionRecord | undefined): SessionRecord | undefined {
    if (found?.refreshToken && !found.endReason) {
      if (!sameUser(found.userId, memory.record?.userId)) {
        memory.access = memory.user = undefined;
      }
      memory.record = found;
      memory.show();
      return found;
    }
    if (found?.refreshToken) {
      void revocations.add(found);
    }
    if (memory.news.now().state !== 'signed_out') {
      const reason = found?.endReason ?? (memory.record ? 'elsewhere' : undefined);
      memory.forget();
      memory.leave(reason, found?.endedAt);
    }
    return undefined;
  }

  /** Lets the storage find out, once, whether what it has is of this installation. */
  function open(): Promise<void> {
    const clear = async (reason?: 'restored'): Promise<void> => {
      await slots.end({ reason: reason ?? 'reinstalled', isLost: reason !== undefined });
      await device.forget();
    };
    opened ??= (storage.open?.(clear) ?? Promise.resolve()).catch((error: unknown) => {
      opened = undefined;
      throw storeError(error);
    });
    return opened;
  }

  function noteUnreadable(error: LatchkeyError): void {
    if (error.code === keyLost) {
      memory.forget();
      memory.leave(keyLost);
    } else if (isUnread()) {
      memory.news.set({ state: error.kind === 'locked' ? 'locked' : 'unknown' });
      backoff.fail();
      stopTimer?.();
      stopTimer = clock.setTimer(() => void load().catch(() => undefined), backoff.wait());
    }
  }

  function isUnread(): boolean {
    const { state } = memory.news.now();
    return state === 'unknown' || state === 'locked';
  }

  return { load, look, open, close: () => stopTimer?.() };
}
