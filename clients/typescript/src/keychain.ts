/**
 * Keeps the session with `react-native-keychain`: the Keychain of iOS, the Keystore of
 * Android.
 *
 * @packageDocumentation
 */
import { onDevice } from './device-errors.js';
import { LatchkeyError } from './errors.js';
import { followInstallation, type ReinstallPolicy } from './install.js';
import type { Storage } from './storage.js';

export type { PlainStore, ReinstallPolicy } from './install.js';

/** What is used of `import * as Keychain from 'react-native-keychain'`. */
export interface ReactNativeKeychain {
  readonly ACCESSIBLE: { readonly AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: unknown; readonly WHEN_UNLOCKED_THIS_DEVICE_ONLY: unknown };
  readonly ACCESS_CONTROL: {
    readonly BIOMETRY_ANY: unknown;
    readonly BIOMETRY_CURRENT_SET: unknown;
    readonly BIOMETRY_ANY_OR_DEVICE_PASSCODE: unknown;
    readonly BIOMETRY_CURRENT_SET_OR_DEVICE_PASSCODE: unknown;
  };
  readonly STORAGE_TYPE: { readonly AES_GCM: unknown; readonly AES_GCM_NO_AUTH: unknown };
  // `never`: the options are the library's own enums, which only its own constants satisfy.
  getGenericPassword(options: never): Promise<false | { password: string }>;
  setGenericPassword(username: string, password: string, options: never): Promise<unknown>;
  resetGenericPassword(options: never): Promise<unknown>;
}

export type KeychainStorageOptions = ReinstallPolicy & {
  /** Begins the service names of the items; `latchkey` by default. */
  prefix?: string;
  /** Keychain group that an app extension shares (iOS). */
  accessGroup?: string;
  /** Holds requests back until the user has passed the system's prompt: what `biometrics` of `./keychain-biometrics` gives. */
  biometrics?: Biometrics;
};

/** The storage for `createLatchkey`. Items stay on this device and out of its backups. */
export function secureStorage(keychain: ReactNativeKeychain, options: KeychainStorageOptions): Storage {
  const { prefix = 'latchkey', accessGroup, biometrics } = options;
  const place = (name: string, more: object): never => ({ service: `${prefix}.${name}`, ...(accessGroup === undefined ? {} : { accessGroup }), ...more }) as never;
  const { ACCESSIBLE, STORAGE_TYPE } = keychain;
  const quiet = { accessible: ACCESSIBLE.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY, storage: STORAGE_TYPE.AES_GCM_NO_AUTH };
  const write = async (name: string, text: string, more: object): Promise<void> => {
    if ((await onDevice(() => keychain.setGenericPassword('latchkey', text, place(name, more)))) === false) {
      throw new LatchkeyError('store', 'the keychain refused');
    }
  };
  const read = async (name: string, more: object): Promise<string | null> => {
    const found = await onDevice(() => keychain.getGenericPassword(place(name, more)));
    return found ? found.password : null;
  };
  const storage: Storage = {
    id: `keychain ${accessGroup ?? ''} ${prefix}`,
    secure: true,
    read: (name) => read(name, {}),
    write: (name, text) => write(name, text, quiet),
    remove: async (name) => void (await onDevice(() => keychain.resetGenericPassword(place(name, {})))),
  };
  followInstallation(storage, options, `${prefix}.installed`);
  if (biometrics) {
    Object.assign(storage, { unlock: biometrics({ keychain, storage, read, write }) });
  }
  return storage;
}

/** Makes the unlock prompt of a storage of this module: what `biometrics` of `./keychain-biometrics` gives. */
export type Biometrics = (place: {
  keychain: ReactNativeKeychain;
  storage: Storage;
  read(name: string, more: object): Promise<string | null>;
  write(name: string, text: string, more: object): Promise<void>;
}) => Storage['unlock'];
