import { createLatchkey } from '@latchkey-auth/client';
import { apiClient, type Client } from '@latchkey-auth/client/api';
import { Platform } from 'react-native';
import { storage } from './storage';

// On the web the page comes from the server itself, or from a proxy before it: one origin, no CORS.
const sameOrigin = Platform.OS === 'web' ? window.location.origin : undefined;

/** The session of this app. */
export const latchkey = createLatchkey({
  baseUrl: process.env.EXPO_PUBLIC_LATCHKEY_URL ?? sameOrigin ?? 'http://127.0.0.1:8080',
  storage,
  deviceName: { ios: 'iPhone or iPad', android: 'Android device' }[Platform.OS as string] ?? 'Web browser',
  allowInsecureHttp: __DEV__,
});

/** What the functions of `@latchkey-auth/client/api` take as `client`. */
export const client: Client = apiClient(latchkey);

interface Result<Data> {
  data?: Data;
  error?: unknown;
  request?: Request;
  response?: Response;
}

/** The data of a call's result. Throws a `LatchkeyError` where there is none. */
export async function dataOf<Data>(call: PromiseLike<Result<Data>>): Promise<Data> {
  const result = await call;
  if (result.data === undefined) {
    await latchkey.complete(result);
    throw new Error('the answer is neither data nor a problem');
  }
  return result.data;
}
