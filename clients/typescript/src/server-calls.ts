import { received, type AccessToken } from './access-token.js';
import { below } from './addresses.js';
import { answerOf, errorOf, judge, parse, type Answer } from './answer.js';
import type { LatchkeyError } from './errors.js';
import type { User } from './generated/types.gen.js';
import { protocol } from './operations.js';
import { isSessionToken, type SessionRecord } from './record.js';
import type { Settings } from './settings.js';
import { attempt } from './waiting.js';

/** What a sign-in or a refresh brings. */
export interface Pair {
  readonly access: AccessToken;
  readonly refreshToken: string;
  readonly user: User | undefined;
  /** Of a sign-in. */
  readonly deviceToken?: string | undefined;
}

/** What the server says to a refresh token: a pair, that it is over, or that another call was faster. */
export type Exchange =
  | Pair
  | { readonly conflict: LatchkeyError }
  | { readonly refused: string; readonly endedAt: number | undefined };

const ending = 'DELETE auth/session';

/** Spends a refresh token, or exchanges a session token. Throws what leaves the session as it is. */
export async function exchange(settings: Settings, spent: SessionRecord, signal?: AbortSignal): Promise<Exchange> {
  const { idempotencyKey: key, refreshToken: token } = spent;
  const ofSession = isSessionToken(spent);
  const operation = `POST auth/token/${ofSession ? 'exchange' : 'refresh'}`;
  const headers = { ...(key && { 'Idempotency-Key': key }), ...(ofSession && { 'X-Session-Token': token }) };
  const answer = await call(settings, operation, signal, sent(ofSession ? {} : { refresh: token }, headers));
  const word = judge(operation, answer, false);
  const { data, meta, errors } = answer.envelope ?? {};
  if (word === 'proceed' && meta?.access_token && meta.refresh_token) {
    return { access: received(meta.access_token, settings.clock), refreshToken: meta.refresh_token, user: data?.user };
  }
  if (word === 'sign_out' || (ofSession && meta && answer.status === 401)) {
    return { refused: errors?.[0]?.code ?? meta?.end_reason ?? 'session_token_invalid', endedAt: meta?.ended_at };
  }
  const error = errorOf(operation, word === 'proceed' ? 'retry' : word, answer);
  if (word === 'reread') {
    return { conflict: error };
  }
  throw error;
}

/** Ends the session of an access token. False where the token was refused. */
export async function endSession(settings: Settings, access: AccessToken): Promise<boolean> {
  const answer = await call(settings, ending, undefined, { headers: { Authorization: `Bearer ${access.text}` } });
  const word = judge(ending, answer, true);
  if (word !== 'proceed') {
    throw errorOf(ending, word, answer);
  }
  return !answer.tokenRefused;
}

/** One call of the client's own: it never passes the transport that adds tokens and refreshes. */
function call(settings: Settings, operation: string, signal: AbortSignal | undefined, init: RequestInit): Promise<Answer> {
  return request(settings, operation, signal, init, settings.fetch);
}

/** Makes a call of the protocol, with a time limit, and reads its answer. */
export function request(settings: Settings, operation: string, signal: AbortSignal | null | undefined, init: RequestInit, send: Send): Promise<Answer> {
  const { baseUrl, clock, timeout } = settings;
  const [method = '', path = ''] = operation.split(' ');

  return attempt(clock, timeout, signal, async (stop) => {
    const response = await send(baseUrl + protocol + path, {
      ...init,
      method,
      ...(stop && { signal: stop }),
      // React Native would write the time of day into the address of a GET for this; the server forbids to cache it anyway.
      ...(method === 'GET' ? {} : { cache: 'no-store' }),
      credentials: 'omit',
      redirect: 'error', // credentials go to this host and nowhere else
    });
    const text = await response.text();

    return answerOf(response.status, isOurs(baseUrl, response) ? parse(text) : undefined, (name) => response.headers.get(name));
  });
}

export type Send = (url: string, init: RequestInit) => Promise<Response>;

export function sent(body: object, headers: Record<string, string> = {}): RequestInit {
  return { headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

/** React Native follows redirects whatever it is told: an answer from elsewhere says nothing. */
export function isOurs(baseUrl: string, response: Response): boolean {
  return !response.url || below(baseUrl, response.url) !== undefined;
}
