import { createLatchkey, isRetryable, LatchkeyError, memoryStorage, type Latchkey, type Session } from '@latchkey-auth/client';
import { apiClient, listSessions } from '@latchkey-auth/client/api';
import { attach } from '@latchkey-auth/client/axios';
import { secureStorage as expoStorage, type ExpoSecureStore } from '@latchkey-auth/client/expo';
import { secureStorage as keychainStorage, type ReactNativeKeychain } from '@latchkey-auth/client/keychain';
import { signInWithPasskey } from '@latchkey-auth/client/passkeys';
import { signInWithProvider } from '@latchkey-auth/client/providers';
import { LatchkeyProvider, SignedIn, useSession, useSignIn } from '@latchkey-auth/client/react';
import { submitSecondFactorCode } from '@latchkey-auth/client/second-factor';
import { fakeServer, testStorage } from '@latchkey-auth/client/testing';

declare const expo: ExpoSecureStore;
declare const keychain: ReactNativeKeychain;

export const storages = [expoStorage(expo, { onReinstall: 'keep' }), keychainStorage(keychain, { onReinstall: 'keep' }), memoryStorage()];
export const latchkey: Latchkey = createLatchkey({ baseUrl: 'https://auth.example.com', storage: memoryStorage() });
export const tested = createLatchkey({ baseUrl: 'https://auth.example.com', storage: testStorage(), fetch: fakeServer().fetch });
export const session: Session = latchkey.session;

export async function use(): Promise<unknown> {
  try {
    const { data } = await listSessions({ client: apiClient(latchkey) });
    const seconds: number | undefined = data?.data[0]?.created_at;

    return [seconds, attach, signInWithPasskey, signInWithProvider, submitSecondFactorCode, LatchkeyProvider, SignedIn, useSession, useSignIn];
  } catch (error) {
    return isRetryable(error) || (error instanceof LatchkeyError && error.kind);
  }
}

// @ts-expect-error the types are the real ones, not `any`
createLatchkey({ baseUrl: 1, storage: memoryStorage() });
