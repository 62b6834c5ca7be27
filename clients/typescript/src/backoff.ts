import type { Clock } from './clock.js';

const first = 1_000;
const factor = 4; // 0, 1, 5, 21, 85, 341 s: six tries in ten minutes
const longest = 300_000;
const longestAsked = 3_600_000;
const longestSilence = 10_000; // 15 s with jitter

/**
 * Says when the next try is due: later each time, never before `Retry-After`. No answer burdens
 * no server, so the wait after it stays short, and ends when the network is back.
 */
export class Backoff {
  /** What the last try threw that got no answer; undefined where the network was there. */
  silence: unknown;
  private failures = 0;
  private due = 0;
  private losses = 0;
  private back = 0;
  private free = false;

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number,
  ) {}

  /** Milliseconds until the server may be asked again; 0 where it may be asked now. */
  wait(): number {
    return this.failures && Math.max(0, this.due - this.clock.monotonic());
  }

  /** Milliseconds until the next try after one that got no answer. */
  offline(): number {
    return this.silence ? Math.max(0, this.back - this.clock.monotonic()) : 0;
  }

  /** Takes the one try that a user has while such a wait runs. */
  takeFree(): boolean {
    const { free } = this;
    this.free = false;
    return free;
  }

  /** Notes an answer that does not help. `retryAfter` is what the server asked for, in seconds. */
  fail(retryAfter = 0): void {
    const asked = Math.min(longestAsked, retryAfter * 1_000);
    const delay = this.jittered(Math.min(longest, first * factor ** this.failures++));

    this.online();
    this.due = this.clock.monotonic() + Math.max(delay, asked);
  }

  /** Notes a try that got no answer. A free one does not begin another wait. */
  lose(cause: unknown): void {
    if (!this.offline()) {
      this.back = this.clock.monotonic() + this.jittered(Math.min(longestSilence, first * 2 ** this.losses++));
      this.free = true;
    }
    this.silence = cause;
  }

  /** The network is back. What the server asked for goes on. */
  online(): void {
    this.silence = undefined;
    this.losses = 0;
  }

  succeed(): void {
    this.failures = 0;
    this.online();
  }

  private jittered(delay: number): number {
    return delay * (1 + this.random() / 2);
  }
}
