import type { Clock } from './clock.js';
import { LatchkeyError, storeError } from './errors.js';
import type { Storage } from './storage.js';

/** After a dismissed prompt, calls do not bring up another one for so long, in milliseconds. */
const promptRest = 30_000;

/** Holds requests back until the person has passed the unlock prompt, one prompt for all. */
export type UnlockGate = ReturnType<typeof createUnlockGate>;

export function createUnlockGate(storage: Storage, clock: Clock, changed: () => Promise<void>) {
  /** Whether the prompt has still to be passed. */
  let closed = storage.unlock !== undefined;
  let dismissedAt = -Infinity;
  let prompt: Promise<void> | undefined;


  /** Closes the gate, where there is one. */
  function close(): void {
    closed = storage.unlock !== undefined;
  }

  /** Waits for the prompt. `asked`: the person pressed a button for it. */
  async function pass(asked: boolean): Promise<void> {
    if (!closed) {
      return;
    }
    if (!asked && clock.monotonic() < dismissedAt + promptRest) {
      throw dismissed();
    }
    prompt ??= show().finally(() => (prompt = undefined));
    return prompt;
  }

  async function show(): Promise<void> {
    const result = await storage.unlock?.().catch((cause: unknown) => {
      throw storeError(cause);
    });
    if (result === 'dismissed') {
      dismissedAt = clock.monotonic();
      throw dismissed();
    }
    if (result === 'changed') {
      await changed();
    }
    closed = false;
  }

  return { close, pass, isClosed: () => closed, open: () => void (closed = false) };
}

function dismissed(): LatchkeyError {
  return new LatchkeyError('cancelled', 'the unlock prompt was dismissed', { code: 'unlock_dismissed' });
}
