import AsyncStorage from '@react-native-async-storage/async-storage';
import type { Storage } from '@latchkey-auth/client';
import { secureStorage } from '@latchkey-auth/client/expo';
import * as SecureStore from 'expo-secure-store';

/** On phones the session is in the Keychain or Keystore. AsyncStorage holds one word, which tells a reinstall. */
export const storage: Storage = secureStorage(SecureStore, { installMarker: AsyncStorage });
