import type { Passkeys } from '../../src/passkeys.js';
import { json, user } from './server.js';

/** A device's prompt that answers at once, and notes what it was asked. */
export class Prompt implements Passkeys {
  readonly asked: { create?: unknown; get?: unknown }[] = [];
  closed = 0;
  /** What a prompt gives instead of an answer. */
  instead: (() => Promise<unknown>) | undefined;

  async create(options: unknown): Promise<unknown> {
    this.asked.push({ create: options });
    return this.instead ? this.instead() : { id: 'made', type: 'public-key' };
  }

  async get(options: unknown): Promise<unknown> {
    this.asked.push({ get: options });
    return this.instead ? this.instead() : { id: 'shown', type: 'public-key' };
  }

  cancel(): void {
    this.closed++;
  }
}

export const requestOptions = { challenge: 'Y2hhbGxlbmdl', rpId: 'example.com', allowCredentials: [], userVerification: 'required' };
export const creationOptions = { challenge: 'bmV3', rp: { id: 'example.com', name: 'Example' }, user: { id: 'aWQ', name: 'ada@example.com', displayName: 'ada' }, pubKeyCredParams: [{ type: 'public-key', alg: -7 }] };

export function asksToShow(meta: object = {}): Response {
  return json(200, { data: { request_options: { publicKey: requestOptions } }, meta });
}

export function asksToMake(): Response {
  return json(200, { data: { creation_options: { publicKey: creationOptions } } });
}

/** What a sign-in that is complete is answered with: a second session of the stand-in's person. */
export function signedInAs(session: number): Response {
  const claims = Buffer.from(JSON.stringify({ iat: 1, exp: 301, sid: session, gen: 0 })).toString('base64url');
  return json(200, { data: { user, methods: [] }, meta: { is_authenticated: true, access_token: `h.${claims}.s`, refresh_token: `refresh:${session}:0` } });
}

export function pending(id: string, meta: object = {}): Response {
  return json(401, { data: { flows: [{ id: 'login' }, { id, is_pending: true }] }, meta: { is_authenticated: false, ...meta } });
}

export function askedAgain(): Response {
  return json(401, { data: { flows: [{ id: 'reauthenticate' }, { id: 'mfa_reauthenticate', types: ['totp'] }] }, meta: { is_authenticated: true } });
}

export function wrongAnswer(param?: string): Response {
  return json(400, { errors: [{ code: 'incorrect_code', message: 'No.', ...(param ? { param } : {}) }] });
}
