/**
 * Second factors by code: an authenticator app (TOTP) and recovery codes, and the code that
 * is sent to an account without password and second factor. Security keys are in
 * `@latchkey-auth/client/passkeys`.
 *
 * @packageDocumentation
 */
import type { TotpSetupResponse } from './generated/types.gen.js';
import type { CallOptions, Latchkey } from './latchkey.js';
import type { Pending, SignedIn } from './outcome.js';
import { enter, told } from './steps.js';

/** How to add an authenticator app. */
export interface TotpSetup {
  /** The secret in base32, for typing it in. */
  readonly secret: string;
  /** An `otpauth:` URL, for a QR code or a link to the app on this device. */
  readonly url: string;
}

/**
 * Goes on with a sign-in while `mfa_authenticate` is pending: a code of the authenticator
 * app, or a recovery code. Throws kind `nothing_pending` where no sign-in is under way, or
 * not any more.
 */
export function submitSecondFactorCode(latchkey: Latchkey, code: string, options?: CallOptions): Promise<SignedIn | Pending> {
  return enter(latchkey, { ...options, call: ['POST', 'auth/2fa/authenticate'], body: { code } });
}

/** Proves with a code that it is still the signed-in person. Then repeat the call that asked for it. */
export async function reauthenticateWithCode(latchkey: Latchkey, code: string, options?: CallOptions): Promise<void> {
  await told(latchkey, { ...options, call: ['POST', 'auth/2fa/reauthenticate'], body: { code } });
}

/**
 * Has a code sent to the verified address or number of the signed-in user, where `flows` of the
 * error that asked for a proof name `reauthenticate_by_code`.
 */
export async function sendReauthenticationCode(latchkey: Latchkey, options?: CallOptions): Promise<void> {
  await told(latchkey, { ...options, call: ['POST', 'auth/reauthenticate/code/request'] });
}

/** Proves with the code of {@link sendReauthenticationCode} who is signed in. Then repeat the call that asked for it. */
export async function reauthenticateWithSentCode(latchkey: Latchkey, code: string, options?: CallOptions): Promise<void> {
  await told(latchkey, { ...options, call: ['POST', 'auth/reauthenticate/code/confirm'], body: { code } });
}

/**
 * Gets a new secret for an authenticator app, good for 15 minutes; `activateTotp` of
 * `@latchkey-auth/client/api` adds it. Undefined where the person has one already, or the
 * server does not offer it.
 */
export async function setUpTotp(latchkey: Latchkey, options?: CallOptions): Promise<TotpSetup | undefined> {
  const { meta } = await told<TotpSetupResponse>(latchkey, { ...options, call: ['GET', 'account/authenticators/totp'] });
  return meta?.secret ? { secret: meta.secret, url: meta.totp_url } : undefined;
}
