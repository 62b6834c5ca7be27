import { isDismissal, isKeyLost } from './device-errors.js';
import type { Storage } from './storage.js';

/** Unlocking by face, finger or passcode. */
export interface BiometricOptions {
  /** What the system's prompt says, such as `Unlock Example`. */
  prompt: string;
  /** Faces or fingers were added or removed: sign out (`invalidate`, the default), or go on. */
  onEnrolmentChange?: 'invalidate' | 'keep';
}

/** An item that the system hands out only after its prompt. */
export interface PromptItem {
  make(): Promise<void>;
  /** Prompts. False where the item is not there, or not any more. */
  read(): Promise<boolean>;
}

const made = 'unlock-made';

/**
 * Makes the `unlock` of a storage. The tokens are not behind the prompt: refreshing in the
 * background must not need a person. Requests are.
 */
export function unlockBy(item: PromptItem, storage: Storage, { onEnrolmentChange }: BiometricOptions): Storage['unlock'] {
  return async () => {
    try {
      if (await storage.read(made)) {
        if (await item.read().catch(absentIfLost)) {
          return 'unlocked';
        }
        if (onEnrolmentChange !== 'keep') {
          await storage.remove(made);
          return 'changed';
        }
      }
      await item.make();
      await storage.write(made, '1');
      return (await item.read()) ? 'unlocked' : 'changed';
    } catch (error) {
      if (isDismissal(error)) {
        return 'dismissed';
      }
      throw error;
    }
  };
}

function absentIfLost(error: unknown): boolean {
  if (isKeyLost(error)) {
    return false;
  }
  throw error;
}
