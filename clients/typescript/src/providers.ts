/**
 * Sign in with Apple, Google and other services, by the id_token that their SDK gives.
 *
 * @packageDocumentation
 */
import { signedOut } from './errors.js';
import type { ProviderNonceResponse } from './generated/types.gen.js';
import type { CallOptions, Latchkey } from './latchkey.js';
import { lacks, type Pending, type SignedIn } from './outcome.js';
import { enter, told } from './steps.js';

/** What a service told the app about the person. */
export interface ProviderIdentity {
  /** Names the service, as `getConfig` does: `apple`, `google`. */
  provider: string;
  /** The client id that the token was made for: the bundle id, or the web client id. */
  clientId: string;
  /** The id_token, or identity token, that the service's SDK gave. */
  idToken: string;
  /** Apple's authorization code: with it the server can revoke the grant when the person leaves. */
  authorizationCode?: string | null | undefined;
  /** What the person is called, where Apple told it: it does so once. Of no use with other services. */
  name?: string | null | undefined;
  /** The `nonce` of {@link providerNonce}, in its raw form whichever form the SDK was given. */
  nonce?: string | undefined;
}

/** A nonce that a service puts into its token, so that the token serves here, once, and nowhere else. */
export interface ProviderNonce {
  /** For an SDK that hashes it, or whose service takes it as it is. */
  readonly nonce: string;
  /** For an SDK that hands it to Apple as it is: SHA-256 in hexadecimal digits. */
  readonly nonceSha256: string;
  /** When it ends, in seconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** Options of {@link providerNonce}. */
export interface NonceOptions extends CallOptions {
  /** What the id_token is for while a user is signed in. Default: a sign-in or a connection. */
  readonly process?: 'connect' | 'reauthenticate' | undefined;
}

/**
 * Gets a nonce from the server, good for ten minutes and one token. Put its `nonce` into the
 * {@link ProviderIdentity}. What the service's SDK is given:
 *
 * - `expo-apple-authentication`: `signInAsync({ nonce: nonceSha256 })`.
 * - `@invertase/react-native-apple-authentication` hashes: `performRequest({ nonce })`.
 * - `@react-native-google-signin/google-signin`: `signIn({ nonce: nonceSha256 })`.
 */
export async function providerNonce(latchkey: Latchkey, options?: NonceOptions): Promise<ProviderNonce> {
  const { process, signal } = options ?? {};
  const call = ['POST', `auth/provider/nonce${process ? `?process=${process}` : ''}`] as const;
  // One for a sign-in belongs to no session, as the sign-in does not.
  const { data } = await told<ProviderNonceResponse>(latchkey, { call, signal, apart: process ? undefined : {} });
  if (!data?.nonce) {
    throw lacks('a nonce');
  }
  return { nonce: data.nonce, nonceSha256: data.nonce_sha256, expiresAt: data.expires_at };
}

/**
 * Signs in with another service, or makes an account. What is pending is a value, as with
 * `signIn`: `provider_signup` where the service told too little for an account,
 * `mfa_authenticate` where the person has a second factor. Who is signed in stays so until
 * the new session stands, which then takes the place of theirs.
 *
 * An id_token with a nonce serves once, and may be used up although no answer came: after
 * kind `network` get a new one from the service.
 */
export function signInWithProvider(latchkey: Latchkey, identity: ProviderIdentity, options?: CallOptions): Promise<SignedIn | Pending> {
  return enter(latchkey, { ...options, call, body: bodyOf('login', identity), apart: {} });
}

/**
 * Connects another service to the account of the signed-in person, who has to prove first
 * that it is still them: kind `problem` with `action: 'reauthenticate'` otherwise. After
 * that the same token can be sent again.
 *
 * Where no answer came, kind `network`, the service may be connected and the token used up:
 * read `listProviderAccounts` of `@latchkey-auth/client/api`, and get a new token from the
 * service where it is not among them.
 */
export async function connectProvider(latchkey: Latchkey, identity: ProviderIdentity, options?: CallOptions): Promise<void> {
  await latchkey.accessToken(options); // an id_token may serve once: nobody's is not sent
  const result = await enter(latchkey, { ...options, call, body: bodyOf('connect', identity) });
  if (result.kind === 'pending') {
    throw signedOut();
  }
}

/**
 * Proves by a service that is connected to the account who is signed in, where `flows` of the
 * error that asked for a proof name `provider_reauthenticate`. The id_token must carry a nonce
 * of {@link providerNonce} with `process: 'reauthenticate'`. Then repeat the call that asked
 * for it.
 */
export async function reauthenticateWithProvider(latchkey: Latchkey, identity: ProviderIdentity, options?: CallOptions): Promise<void> {
  await latchkey.accessToken(options); // as in connectProvider
  await told(latchkey, { ...options, call, body: bodyOf('reauthenticate', identity) });
}

const call = ['POST', 'auth/provider/token'] as const;

function bodyOf(process: 'login' | 'connect' | 'reauthenticate', { provider, clientId, idToken, authorizationCode, name, nonce }: ProviderIdentity): object {
  // What is undefined is not sent.
  const token = { client_id: clientId, id_token: idToken, authorization_code: authorizationCode ?? undefined, name: name || undefined, nonce };
  return { provider, process, token };
}
