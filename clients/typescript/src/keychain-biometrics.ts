/**
 * Unlocking by face, finger or passcode for the storage of `./keychain`. Apps that do not ask for one do not bundle it.
 *
 * @packageDocumentation
 */
import type { Biometrics } from './keychain.js';
import { unlockBy, type BiometricOptions } from './prompt-item.js';

export type { BiometricOptions } from './prompt-item.js';

/** Unlocking by face or finger; with `passcode` by the device's passcode as well. */
export function biometrics(options: BiometricOptions & { passcode?: boolean }): Biometrics {
  const { prompt, onEnrolmentChange, passcode } = options;
  const set = onEnrolmentChange === 'keep' ? 'BIOMETRY_ANY' : 'BIOMETRY_CURRENT_SET';

  return ({ keychain, storage, read, write }) => {
    const gated = {
      accessible: keychain.ACCESSIBLE.WHEN_UNLOCKED_THIS_DEVICE_ONLY,
      accessControl: keychain.ACCESS_CONTROL[passcode ? (`${set}_OR_DEVICE_PASSCODE` as const) : set],
      storage: keychain.STORAGE_TYPE.AES_GCM,
      authenticationPrompt: { title: prompt },
    };
    const item = { make: () => write('unlock', '1', gated), read: async () => (await read('unlock', gated)) !== null };

    return unlockBy(item, storage, options);
  };
}
