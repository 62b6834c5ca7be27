/**
 * Keeps the session with `expo-secure-store`: the Keychain of iOS, the Keystore of Android.
 *
 * @packageDocumentation
 */
import { onDevice } from './device-errors.js';
import { followInstallation, type ReinstallPolicy } from './install.js';
import type { Storage } from './storage.js';

export type { PlainStore, ReinstallPolicy } from './install.js';

/** What is used of the options of its functions. */
export interface ItemOptions {
  keychainService?: string;
  keychainAccessible?: number;
  accessGroup?: string;
  requireAuthentication?: boolean;
  authenticationPrompt?: string;
}

/** What is used of `import * as SecureStore from 'expo-secure-store'`. */
export interface ExpoSecureStore {
  readonly AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: number;
  readonly WHEN_UNLOCKED_THIS_DEVICE_ONLY: number;
  getItemAsync(key: string, options?: ItemOptions): Promise<string | null>;
  setItemAsync(key: string, value: string, options?: ItemOptions): Promise<void>;
  deleteItemAsync(key: string, options?: ItemOptions): Promise<void>;
}

export type ExpoStorageOptions = ReinstallPolicy & {
  /** Begins the names of the items: letters, digits, `.`, `-`, `_`; `latchkey` by default. */
  prefix?: string;
  /** Keychain group that an app extension shares (iOS). */
  accessGroup?: string;
  /** Holds requests back until the user has passed the system's prompt: what `biometrics` of `./expo-biometrics` gives. */
  biometrics?: Biometrics;
};

/** The storage for `createLatchkey`. Items stay on this device and out of its backups. */
export function secureStorage(store: ExpoSecureStore, options: ExpoStorageOptions): Storage {
  const { prefix = 'latchkey', accessGroup, biometrics } = options;
  const shared = accessGroup === undefined ? {} : { accessGroup };
  const settings = { ...shared, keychainAccessible: store.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY };
  const keyOf = (name: string): string => `${prefix}.${name}`;
  const storage: Storage = {
    id: `expo ${accessGroup ?? ''} ${prefix}`,
    secure: true,
    read: (name) => onDevice(() => store.getItemAsync(keyOf(name), settings)),
    write: (name, text) => onDevice(() => store.setItemAsync(keyOf(name), text, settings)),
    remove: (name) => onDevice(() => store.deleteItemAsync(keyOf(name), settings)),
  };
  followInstallation(storage, options, keyOf('installed'));
  if (biometrics) {
    Object.assign(storage, { unlock: biometrics({ store, storage, key: keyOf('unlock'), shared }) });
  }
  return storage;
}

/** Makes the unlock prompt of a storage of this module: what `biometrics` of `./expo-biometrics` gives. */
export type Biometrics = (place: { store: ExpoSecureStore; storage: Storage; key: string; shared: ItemOptions }) => Storage['unlock'];
