import type { Clock } from './clock.js';
import { LatchkeyError, storeError } from './errors.js';
import type { Storage } from './storage.js';

/** After a dismissed prompt, calls do not bring up another one for so long, in milliseconds. */
const promptRest = 30_000;

/** Holds requests back until the person has passed the unlock prompt, one prompt for all. */
export class UnlockGate {
  /** Whether the prompt has still to be passed. */
  closed: boolean;
  private dismissedAt = -Infinity;
  private prompt: Promise<void> | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly clock: Clock,
    private readonly changed: () => Promise<void>,
  ) {
    this.closed = storage.unlock !== undefined;
  }

  /** Closes the gate, where there is one. */
  close(): void {
    this.closed = this.storage.unlock !== undefined;
  }

  /** Waits for the prompt. `asked`: the person pressed a button for it. */
  async pass(asked: boolean): Promise<void> {
    if (!this.closed) {
      return;
    }
    if (!asked && this.clock.monotonic() < this.dismissedAt + promptRest) {
      throw dismissed();
    }
    this.prompt ??= this.show().finally(() => (this.prompt = undefined));
    return this.prompt;
  }

  private async show(): Promise<void> {
    const result = await this.storage.unlock?.().catch((cause: unknown) => {
      throw storeError(cause);
    });
    if (result === 'dismissed') {
      this.dismissedAt = this.clock.monotonic();
      throw dismissed();
    }
    if (result === 'changed') {
      await this.changed();
    }
    this.closed = false;
  }
}

function dismissed(): LatchkeyError {
  return new LatchkeyError('cancelled', 'the unlock prompt was dismissed', { code: 'unlock_dismissed' });
}
