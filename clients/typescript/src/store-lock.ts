import { LatchkeyError } from './errors.js';
import type { Settings } from './settings.js';
import { within } from './waiting.js';

/** Longest wait for another process's refresh, in milliseconds: longer than one may take. */
const patience = 20_000;

/** Waits for the lock of the store, where it has one, and returns what gives it back. */
export async function lockStore({ storage, clock }: Settings): Promise<() => void> {
  if (!storage.lock) {
    return () => undefined;
  }
  const granted = storage.lock();
  try {
    return await within(clock, patience, granted);
  } catch (cause) {
    void granted.then((release) => release(), () => undefined); // it may still come, to nobody
    throw new LatchkeyError('store', 'the lock of the store is held by another process', { cause });
  }
}
