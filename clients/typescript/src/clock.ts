/**
 * What the client asks of time. There is no wall clock in it: the wall clock of a phone
 * may be wrong by years and may jump, so nothing is decided by it.
 */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  monotonic(): number;
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
