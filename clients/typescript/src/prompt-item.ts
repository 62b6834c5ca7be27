import { isKeyLost } from './device-errors.js';
import { LatchkeyError } from './errors.js';
import type { Storage } from './storage.js';
import { isDismissal, unavailable } from './unlock-errors.js';

/** What unlocking by face or finger, or by passcode where that is allowed, is to do. */
export interface BiometricOptions {
  /** What the system's prompt says, such as `Unlock Example`. */
  prompt: string;
  /**
   * Faces or fingers were added or removed: sign out (`invalidate`, the default), or go on. The item of
   * `expo-secure-store` ends then in any case: `keep` makes a new one.
   */
  onEnrolmentChange?: 'invalidate' | 'keep';
  /**
   * What happens on a device that cannot ask, because nothing is enrolled, say: requests fail with kind
   * `unlock_unavailable` (`closed`, the default), or go out without a prompt (`open`). After too many
   * wrong faces or fingers they fail in any case.
   */
  whenUnavailable?: 'open' | 'closed';
}

/** An item that the system hands out only after its prompt. */
export interface PromptItem {
  make(): Promise<void>;
  /** Prompts. False where the item is not there, or not any more. */
  read(): Promise<boolean>;
  /** Asks for the passcode, where a library other than the item's does that. */
  passcode?: (() => Promise<'unlocked' | 'dismissed'>) | undefined;
}

const made = 'unlock-made';

/**
 * Makes the `unlock` of a storage. The tokens are not behind the prompt: refreshing in the
 * background must not need a user. Requests are.
 */
export function unlockBy(item: PromptItem, storage: Storage, { onEnrolmentChange, whenUnavailable }: BiometricOptions): Storage['unlock'] {
  return async () => {
    try {
      return await prompted(item, storage, onEnrolmentChange).catch((error: unknown) => {
        if (item.passcode && unavailable(error)) {
          return item.passcode();
        }
        throw error;
      });
    } catch (error) {
      const reason = unavailable(error);
      if (isDismissal(error)) {
        return 'dismissed';
      }
      if (reason && reason !== 'locked_out' && whenUnavailable === 'open') {
        return 'unlocked';
      }
      throw reason ? new LatchkeyError('unlock_unavailable', 'this device cannot show the unlock prompt', { code: reason, cause: error }) : error;
    }
  };
}

async function prompted(item: PromptItem, storage: Storage, onEnrolmentChange: BiometricOptions['onEnrolmentChange']): Promise<'unlocked' | 'changed'> {
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
}

function absentIfLost(error: unknown): boolean {
  if (isKeyLost(error)) {
    return false;
  }
  throw error;
}
