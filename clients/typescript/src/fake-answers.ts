import type { User } from './generated/types.gen.js';

/** Details of a problem; the server has a sentence for each. */
export interface FakeProblem {
  /** The member of the request that it speaks of. */
  param?: string;
  /** A sentence for users. */
  message?: string;
}

export function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  const text = JSON.stringify(Array.isArray(body) ? body : { status, ...body });
  return new Response(text, { status, headers: { 'Content-Type': 'application/json', ...headers } });
}

export function problem(status: number, code: string, { param, message = `The server answered ${code}.` }: FakeProblem = {}): Response {
  return json(status, { errors: [{ code, message, ...(param ? { param } : {}) }] });
}

/** Nobody is signed in; `pending` is the step that a sign-in waits for. */
export function notSignedIn(pending?: { id: string; types?: string[] }, meta: object = {}): Response {
  const flows = [{ id: 'login' }, { id: 'login_by_code' }, { id: 'signup' }, ...(pending ? [{ ...pending, is_pending: true }] : [])];
  return json(401, { data: { flows }, meta: { is_authenticated: false, ...meta } });
}

/** The access token is not taken, or there was none. */
export function unauthorized(tokenSent: boolean): Response {
  const challenge = tokenSent ? 'Bearer error="invalid_token"' : 'Bearer';
  return json(401, { data: { flows: [{ id: 'login' }] }, meta: { is_authenticated: false } }, { 'WWW-Authenticate': challenge });
}

/** Signed in, and the server wants a proof again before it does this. */
export function proofNeeded(user: User): Response {
  return json(401, { data: { flows: [{ id: 'reauthenticate' }], methods: [], user }, meta: { is_authenticated: true } });
}
