import { LatchkeyError } from './errors.js';

/** Does `work` of a device's secure store, and says in our words what it throws. */
export async function onDevice<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code, message } = cause as { code?: string; message?: string };
    const text = `${code} ${message}`;
    // errSecInteractionNotAllowed, by number or in words: the device is locked.
    if (/-25308|interaction is not allowed/i.test(text)) {
      throw new LatchkeyError('locked', 'the device is locked', { cause });
    }
    if (/permanently.?invalidated/i.test(text)) {
      throw new LatchkeyError('store', 'the device has lost the key of its secure store', { code: 'storage_key_lost', cause });
    }
    throw new LatchkeyError('store', 'the secure store failed', { cause });
  }
}

export function isKeyLost(error: unknown): boolean {
  return error instanceof LatchkeyError && error.code === 'storage_key_lost';
}
