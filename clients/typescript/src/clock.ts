/**
 * What the client asks of time. Waits are counted by the monotonic clock alone. The wall clock of
 * a phone may be wrong by years and may jump: it only makes an access token older, because the
 * monotonic clock of Android stands still while the phone sleeps.
 */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  monotonic(): number;
  /** Milliseconds since the Unix epoch, as far as the device knows: `Date.now` by default. */
  wall?(): number;
  /** Runs `run` once after `milliseconds`; the returned function calls it off. */
  setTimer(run: () => void, milliseconds: number): () => void;
}

/** The clock of the device. */
export function deviceClock(): Clock {
  const elapsed = globalThis.performance;
  let latest = 0;
  return {
    // Where there is no performance.now, Date.now may be set back; time then stands still for us.
    monotonic: () => (elapsed ? elapsed.now() : (latest = Math.max(latest, Date.now()))),
    setTimer(run, milliseconds) {
      const timer = setTimeout(run, milliseconds) as unknown as { unref?: () => void };
      timer.unref?.(); // in Node a waiting retry must not keep a program alive
      return () => clearTimeout(timer as never);
    },
  };
}

/** A moment by both clocks. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

export function now(clock: Clock): Moment {
  return { monotonic: clock.monotonic(), wall: clock.wall?.() ?? Date.now() };
}

/** Milliseconds since a moment, by the clock that says more: a jump ahead counts, a jump back does not. */
export function since(moment: Moment, clock: Clock): number {
  const { monotonic, wall } = now(clock);

  return Math.max(monotonic - moment.monotonic, wall - moment.wall);
}
