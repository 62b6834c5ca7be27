/**
 * Passkeys and security keys: sign in, sign up, second factor.
 *
 * @packageDocumentation
 */
import type { Authenticator, AuthenticatorResponse, CreationOptionsResponse, PasskeySignupRequest, RequestOptionsResponse } from './generated/types.gen.js';
import type { CallOptions, Latchkey } from './latchkey.js';
import { lacks, type Pending, type SignedIn } from './outcome.js';
import { answered, type CreationOptionsJson, type Passkeys, type RequestOptionsJson } from './passkey-prompt.js';
import { enter, told, type Call } from './steps.js';

export { browserPasskeys, browserSupportsPasskeys } from './passkey-browser.js';
export type { CreationOptionsJson, Passkeys, RequestOptionsJson } from './passkey-prompt.js';
export type { Authenticator, PasskeySignupRequest } from './generated/types.gen.js';

/** What to call a new passkey, and what it is for. */
export interface NewPasskey {
  /** What the person calls it; made up by the server where it is not given. */
  name?: string | undefined;
  /** Whether it can sign in alone (the default), or is a second factor beside the password. */
  passwordless?: boolean | undefined;
}

/** A passkey that was added. */
export interface AddedPasskey {
  readonly authenticator: Authenticator;
  /** Recovery codes were made along with it: show them to the person. */
  readonly recoveryCodesGenerated: boolean;
}

/**
 * Signs in whoever the passkey belongs to. A step that is pending is a value, as with
 * `signIn`. Who is signed in, and a sign-in that is pending, stay as they are until the
 * server has taken the passkey.
 */
export async function signInWithPasskey(latchkey: Latchkey, passkeys: Passkeys, options?: CallOptions): Promise<SignedIn | Pending> {
  return enter(latchkey, await ceremony(latchkey, passkeys, { ...options, path: 'auth/webauthn/login', prompt: 'get', apart: {} }));
}

/**
 * Makes an account without a password. `verify_email` is pending then; once that is done,
 * `mfa_signup_webauthn` is, and {@link finishPasskeySignUp} goes on.
 */
export function signUpWithPasskey(latchkey: Latchkey, request: PasskeySignupRequest, options?: CallOptions): Promise<SignedIn | Pending> {
  return enter(latchkey, { ...options, call: ['POST', 'auth/webauthn/signup'], body: request, apart: {} });
}

/**
 * Makes the passkey of a new account, while `mfa_signup_webauthn` is pending. Throws kind
 * `nothing_pending` where no sign-up is under way, or not any more.
 */
export async function finishPasskeySignUp(latchkey: Latchkey, passkeys: Passkeys, { name }: Pick<NewPasskey, 'name'> = {}, options?: CallOptions): Promise<SignedIn | Pending> {
  return enter(latchkey, await ceremony(latchkey, passkeys, { ...options, path: 'auth/webauthn/signup', prompt: 'create', method: 'PUT', name }));
}

/**
 * Shows a security key or passkey as the second factor, while `mfa_authenticate` is pending.
 * Throws kind `nothing_pending` where no sign-in is under way, or not any more.
 */
export async function showSecondFactorKey(latchkey: Latchkey, passkeys: Passkeys, options?: CallOptions): Promise<SignedIn | Pending> {
  return enter(latchkey, await ceremony(latchkey, passkeys, { ...options, path: 'auth/webauthn/authenticate', prompt: 'get' }));
}

/** Proves with a security key or passkey that it is still the signed-in person. Then repeat the call that asked for it. */
export async function reauthenticateWithKey(latchkey: Latchkey, passkeys: Passkeys, options?: CallOptions): Promise<void> {
  await told(latchkey, await ceremony(latchkey, passkeys, { ...options, path: 'auth/webauthn/reauthenticate', prompt: 'get' }));
}

/**
 * Adds a passkey to the account of the signed-in person, who has to prove first that it is
 * still them: kind `problem` with `action: 'reauthenticate'` otherwise.
 */
export async function addPasskey(latchkey: Latchkey, passkeys: Passkeys, { name, passwordless = true }: NewPasskey = {}, options?: CallOptions): Promise<AddedPasskey> {
  const path = 'account/authenticators/webauthn';
  const answer = await ceremony(latchkey, passkeys, { ...options, path, prompt: 'create', query: passwordless ? '?passwordless=true' : '', name });
  const { data, meta } = await told<AuthenticatorResponse>(latchkey, answer);
  if (!data) {
    throw lacks('what was added');
  }
  return { authenticator: data, recoveryCodesGenerated: meta?.recovery_codes_generated === true };
}

/** What the ceremonies of WebAuthn differ in: a GET of options, a prompt, and what answers them. */
interface Ceremony extends Pick<Call, 'signal' | 'apart'> {
  readonly path: string;
  readonly prompt: 'create' | 'get';
  /** Of the call that answers; POST by default. */
  readonly method?: 'POST' | 'PUT';
  /** Of the call that asks for the options. */
  readonly query?: string;
  readonly name?: string | undefined;
}

/** Gets the options, lets the person answer them, and returns the call that tells the server. */
async function ceremony(latchkey: Latchkey, passkeys: Passkeys, { path, prompt, method = 'POST', query = '', name, signal, apart }: Ceremony): Promise<Call> {
  const { data, meta } = await told<RequestOptionsResponse & CreationOptionsResponse>(latchkey, { call: ['GET', path + query], signal, apart });
  const ask = (): Promise<unknown> => (prompt === 'get' ? passkeys.get(publicKeyOf(data?.request_options)) : passkeys.create(publicKeyOf(data?.creation_options)));
  const credential = await answered(passkeys, ask, signal);
  // Where the sign-in is one of its own, the options have brought its session token. What is undefined is not sent.
  return { call: [method, path], body: { name, credential }, signal, apart: apart && { sessionToken: meta?.session_token } };
}

function publicKeyOf<Options extends CreationOptionsJson | RequestOptionsJson>(options: unknown): Options {
  const publicKey = (options as { publicKey?: Options } | null | undefined)?.publicKey;
  if (!publicKey) {
    throw lacks('what to ask a passkey for');
  }
  return publicKey;
}
