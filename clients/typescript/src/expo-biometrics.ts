/**
 * Unlocking by face or finger for the storage of `./expo`. Apps that do not ask for one do not bundle it.
 *
 * @packageDocumentation
 */
import { onDevice } from './device-errors.js';
import type { Biometrics } from './expo.js';
import { unlockBy, type BiometricOptions } from './prompt-item.js';

export type { BiometricOptions } from './prompt-item.js';

/** What is used of `import * as LocalAuthentication from 'expo-local-authentication'`. */
export interface ExpoLocalAuthentication {
  authenticateAsync(options: { promptMessage: string }): Promise<{ success: boolean; error?: string }>;
}

/**
 * Unlocking by face or finger. `expo-secure-store` takes no passcode: with `passcode`, the module
 * `expo-local-authentication`, a device that cannot ask for a face or finger asks for its passcode.
 */
export function biometrics(options: BiometricOptions & { passcode?: ExpoLocalAuthentication }): Biometrics {
  const { prompt, passcode } = options;

  return ({ store, storage, key, shared }) => {
    const gated = {
      ...shared,
      keychainService: key,
      keychainAccessible: store.WHEN_UNLOCKED_THIS_DEVICE_ONLY,
      requireAuthentication: true,
      authenticationPrompt: prompt,
    };
    const item = {
      make: () => onDevice(() => store.setItemAsync(key, '1', gated)),
      read: async () => (await onDevice(() => store.getItemAsync(key, gated))) !== null,
      passcode: passcode && (() => onDevice(() => byPasscode(passcode, prompt))),
    };
    return unlockBy(item, storage, options);
  };
}

async function byPasscode(passcode: ExpoLocalAuthentication, promptMessage: string): Promise<'unlocked'> {
  const { success, error } = await passcode.authenticateAsync({ promptMessage });
  if (!success) {
    throw new Error(error);
  }
  return 'unlocked';
}
