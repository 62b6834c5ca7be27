import type { Clock } from './clock.js';
import { cancelled, LatchkeyError } from './errors.js';

type Signal = AbortSignal | null | undefined;

/** How long a call waits for what goes on alone after it, in milliseconds. */
export const shortPatience = 2_000;

/**
 * Waits for `work` until `signal` is aborted. Only the waiting ends: others may wait for
 * the same work.
 */
export function until<T>(work: Promise<T>, signal: Signal): Promise<T> {
  if (!signal) {
    return work;
  }
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(cancelled());
    if (signal.aborted) {
      stop();
    }
    signal.addEventListener('abort', stop);
    work.then(resolve, reject).then(() => signal.removeEventListener('abort', stop));
  });
}

/** Waits for `work` so many milliseconds; then it is kind `network`. */
export function within<T>(clock: Clock, milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = clock.setTimer(() => reject(new LatchkeyError('network', 'no answer')), milliseconds);
    work.then(resolve, reject).then(stop);
  });
}

/**
 * Does `work`, which is to give up when the signal that it gets is aborted: after so many
 * milliseconds, or with the caller's signal. What it throws is kind `network`, or
 * `cancelled` where the caller did it.
 */
export async function attempt<T>(clock: Clock, milliseconds: number, signal: Signal, work: (signal?: AbortSignal) => Promise<T>): Promise<T> {
  const controller = newController();
  const stop = (): void => controller?.abort();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) {
    stop();
  }
  try {
    return await until(within(clock, milliseconds, work(controller?.signal)), signal);
  } catch (cause) {
    stop();
    throw typed(cause, signal);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** What ends a request; undefined on a platform without such a thing. */
export function newController(): AbortController | undefined {
  return globalThis.AbortController && new AbortController();
}

/** What a failed request stands for: `cancelled` where the caller did it, else `network`. */
export function typed(cause: unknown, signal: Signal): LatchkeyError {
  if (signal?.aborted) {
    return cancelled();
  }
  return cause instanceof LatchkeyError ? cause : new LatchkeyError('network', 'no answer', { cause });
}
