import type { Clock } from './clock.js';

const first = 1_000;
const factor = 4; // 0, 1, 5, 21, 85, 341 s: six tries in ten minutes
const longest = 300_000;
const longestAsked = 3_600_000;

/** Says when the next try is due: later each time, never before `Retry-After`. */
export class Backoff {
  private failures = 0;
  private due = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number,
  ) {}

  /** Milliseconds until the next try is due; 0 where it may be made now. */
  wait(): number {
    return this.failures === 0 ? 0 : Math.max(0, this.due - this.clock.monotonic());
  }

  /** Notes a failure. `retryAfter` is what the server asked for, in seconds. */
  fail(retryAfter = 0): void {
    const delay = Math.min(longest, first * factor ** this.failures) * (1 + this.random() / 2);
    const asked = Math.min(longestAsked, retryAfter * 1_000);
    this.failures++;
    this.due = this.clock.monotonic() + Math.max(delay, asked);
  }

  succeed(): void {
    this.failures = 0;
  }
}
