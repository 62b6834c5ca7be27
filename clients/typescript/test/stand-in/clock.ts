import type { Clock } from '../../src/index.js';

/** Lets everything that is already on its way happen. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A monotonic clock that stands still until told otherwise. */
export class StillClock implements Clock {
  private elapsed = 0;
  private readonly timers = new Set<{ run: () => void; due: number }>();

  monotonic(): number {
    return this.elapsed;
  }

  setTimer(run: () => void, milliseconds: number): () => void {
    const timer = { run, due: this.elapsed + milliseconds };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }

  /** Moves on by so many seconds and fires what is due. */
  async advance(seconds: number): Promise<void> {
    const end = this.elapsed + seconds * 1_000;
    for (;;) {
      const next = [...this.timers].filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) {
        break;
      }
      this.timers.delete(next);
      this.elapsed = next.due;
      next.run();
      await settled();
    }
    this.elapsed = end;
    await settled();
  }
}
