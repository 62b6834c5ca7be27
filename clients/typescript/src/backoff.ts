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
export type Backoff = ReturnType<typeof createBackoff>;

export function createBackoff(clock: Clock, random: () => number) {
  // What the last try threw that got no answer; undefined where the network was there.
  let silence: unknown;
  let failures = 0;
  let due = 0;
  let losses = 0;
  let back = 0;
  let free = false;



  /** Milliseconds until the server may be asked again; 0 where it may be asked now. */
  function wait(): number {
    return failures && Math.max(0, due - clock.monotonic());
  }

  /** Milliseconds until the next try after one that got no answer. */
  function offline(): number {
    return silence ? Math.max(0, back - clock.monotonic()) : 0;
  }

  /** Takes the one try that a user has while such a wait runs. */
  function takeFree(): boolean {
    const taken = free;
    free = false;
    return taken;
  }

  /** Notes an answer that does not help. `retryAfter` is what the server asked for, in seconds. */
  function fail(retryAfter = 0): void {
    const asked = Math.min(longestAsked, retryAfter * 1_000);
    const delay = jittered(Math.min(longest, first * factor ** failures++));

    online();
    due = clock.monotonic() + Math.max(delay, asked);
  }

  /** Notes a try that got no answer. A free one does not begin another wait. */
  function lose(cause: unknown): void {
    if (!offline()) {
      back = clock.monotonic() + jittered(Math.min(longestSilence, first * 2 ** losses++));
      free = true;
    }
    silence = cause;
  }

  /** The network is back. What the server asked for goes on. */
  function online(): void {
    silence = undefined;
    losses = 0;
  }

  function succeed(): void {
    failures = 0;
    online();
  }

  function jittered(delay: number): number {
    return delay * (1 + random() / 2);
  }

  return { wait, offline, lastLoss: () => silence, takeFree, fail, lose, online, succeed };
}
