/**
 * Passkeys and security keys: sign in, sign up, second factor.
 *
 * @packageDocumentation
 */
import { LatchkeyError } from './errors.js';
import type { Authenticator, AuthenticatorResponse, CreationOptionsResponse, PasskeySignupRequest, RequestOptionsResponse } from './generated/types.gen.js';
import type { CallOptions, Latchkey } from './latchkey.js';
import { entered, type Pending, type SignedIn } from './outcome.js';
import { answered, type CreationOptionsJson, type Passkeys, type RequestOptionsJson } from './passkey-prompt.js';
import { take, told } from './steps.js';

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
  const path = 'auth/webauthn/login';
  const { data, meta } = await told<RequestOptionsResponse>(latchkey, { ...options, call: ['GET', path], apart: {} });
  const credential = await shown(passkeys, data.request_options, options);
  return entered(await take(latchkey, { ...options, call: ['POST', path], body: { credential }, apart: { sessionToken: meta?.session_token } }));
}

/**
 * Makes an account without a password. `verify_email` is pending then; once that is done,
 * `mfa_signup_webauthn` is, and {@link finishPasskeySignUp} goes on.
 */
export async function signUpWithPasskey(latchkey: Latchkey, request: PasskeySignupRequest, options?: CallOptions): Promise<SignedIn | Pending> {
  return entered(await take(latchkey, { ...options, call: ['POST', 'auth/webauthn/signup'], body: request, apart: {} }));
}

/** Makes the passkey of a new account, while `mfa_signup_webauthn` is pending. */
export async function finishPasskeySignUp(latchkey: Latchkey, passkeys: Passkeys, { name }: Pick<NewPasskey, 'name'> = {}, options?: CallOptions): Promise<SignedIn | Pending> {
  const path = 'auth/webauthn/signup';
  const { data } = await told<CreationOptionsResponse>(latchkey, { ...options, call: ['GET', path] });
  const credential = await made(passkeys, data.creation_options, options);
  return entered(await take(latchkey, { ...options, call: ['PUT', path], body: { name, credential } }));
}

/** Shows a security key or passkey as the second factor, while `mfa_authenticate` is pending. */
export async function showSecondFactorKey(latchkey: Latchkey, passkeys: Passkeys, options?: CallOptions): Promise<SignedIn | Pending> {
  const path = 'auth/webauthn/authenticate';
  const { data } = await told<RequestOptionsResponse>(latchkey, { ...options, call: ['GET', path] });
  const credential = await shown(passkeys, data.request_options, options);
  return entered(await take(latchkey, { ...options, call: ['POST', path], body: { credential } }));
}

/** Proves with a security key or passkey that it is still the signed-in person. Then repeat the call that asked for it. */
export async function reauthenticateWithKey(latchkey: Latchkey, passkeys: Passkeys, options?: CallOptions): Promise<void> {
  const path = 'auth/webauthn/reauthenticate';
  const { data } = await told<RequestOptionsResponse>(latchkey, { ...options, call: ['GET', path] });
  const credential = await shown(passkeys, data.request_options, options);
  await told(latchkey, { ...options, call: ['POST', path], body: { credential } });
}

/**
 * Adds a passkey to the account of the signed-in person, who has to prove first that it is
 * still them: kind `problem` with `action: 'reauthenticate'` otherwise.
 */
export async function addPasskey(latchkey: Latchkey, passkeys: Passkeys, { name, passwordless = true }: NewPasskey = {}, options?: CallOptions): Promise<AddedPasskey> {
  const path = 'account/authenticators/webauthn';
  const { data } = await told<CreationOptionsResponse>(latchkey, { ...options, call: ['GET', passwordless ? `${path}?passwordless=true` : path] });
  const credential = await made(passkeys, data.creation_options, options);
  const added = await told<AuthenticatorResponse>(latchkey, { ...options, call: ['POST', path], body: { name, credential } });
  return { authenticator: added.data, recoveryCodesGenerated: added.meta?.recovery_codes_generated === true };
}

function shown(passkeys: Passkeys, options: unknown, call?: CallOptions): Promise<object> {
  return answered(passkeys, () => passkeys.get(publicKeyOf(options)), call?.signal);
}

function made(passkeys: Passkeys, options: unknown, call?: CallOptions): Promise<object> {
  return answered(passkeys, () => passkeys.create(publicKeyOf(options)), call?.signal);
}

function publicKeyOf<Options extends CreationOptionsJson | RequestOptionsJson>(options: unknown): Options {
  const publicKey = (options as { publicKey?: Options } | undefined)?.publicKey;
  if (!publicKey) {
    throw new LatchkeyError('undocumented', 'the options name no public key');
  }
  return publicKey;
}
