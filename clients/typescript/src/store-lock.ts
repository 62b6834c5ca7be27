import { LatchkeyError } from './errors.js';
import type { Settings } from './settings.js';
import { within } from './waiting.js';

/**
 * Waits for the lock of the store, where it has one, and returns what releases it. Another
 * process has it for as long as its refresh may take.
 */
export async function lockStore({ storage, clock, timeout }: Settings): Promise<() => void> {
  if (!storage.lock) {
    return () => undefined;
  }
  const granted = storage.lock();
  try {
    return await within(clock, timeout, granted);
  } catch (cause) {
    void granted.then((release) => release(), () => undefined); // it may still come, to nobody
    throw new LatchkeyError('store', 'another process has the lock', { cause });
  }
}
