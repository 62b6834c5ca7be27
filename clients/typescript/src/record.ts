import { sessionOf } from './access-token.js';
import type { UserID } from './generated/types.gen.js';

/** What one slot of the store holds, at most 1,024 bytes as text. Never an access token. */
export interface SessionRecord {
  /** Counts up with each write; the record with the higher number counts. */
  readonly sequence: number;
  /** The refresh token; after a sign-out that the server has not heard of, the one to revoke. */
  readonly refreshToken?: string | undefined;
  /**
   * The key that will spend the refresh token, made when the token was stored, so that
   * every attempt, from every process, sends the same one. A token that is received again
   * keeps its key.
   */
  readonly idempotencyKey?: string | undefined;
  readonly userId?: UserID | undefined;
  /** Why the session ended. A record with it is of a session that has ended. */
  readonly endReason?: string | undefined;
  /** When it ended, in seconds since the Unix epoch, where the server said so. */
  readonly endedAt?: number | undefined;
  /**
   * Names the session token that an app handed over, and that the session came from. While it has
   * not been exchanged, `refreshToken` is that session token.
   */
  readonly from?: string | undefined;
}

/** Whether a record holds a session token that is still to be exchanged. */
export function isSessionToken({ from, refreshToken = '' }: Pick<SessionRecord, 'from' | 'refreshToken'>): boolean {
  return from === checksum(refreshToken);
}

/** Whether two records hold the same refresh token: each token has a key of its own. */
export function same(a: SessionRecord | undefined, b: SessionRecord | undefined): boolean {
  return a !== undefined && a.idempotencyKey === b?.idempotencyKey;
}

/** Whether two records come from one session token. */
export function sameOrigin(a: SessionRecord | undefined, b: SessionRecord | undefined): boolean {
  return !!a?.from && a.from === b?.from;
}

/** Whether two records are of one session. */
export function sameSession(a: SessionRecord | undefined, b: SessionRecord | undefined): boolean {
  const id = sessionOf(a?.refreshToken);
  return same(a, b) || sameOrigin(a, b) || (id !== undefined && id === sessionOf(b?.refreshToken));
}

/** How large a slot may get. Secure stores begin to refuse at 2,048 bytes. */
export const slotBytes = 1024;

type Read = [version: unknown, sequence: number, token?: string, key?: string, user?: UserID, reason?: string, at?: number, from?: string];

export function encode(r: SessionRecord): string {
  // What is undefined is written as null.
  const text = JSON.stringify([1, r.sequence, r.refreshToken, r.idempotencyKey, r.userId, r.endReason, r.endedAt, r.from]);
  return `${checksum(text)} ${text}`;
}

/** The record in `text`; undefined where a write was torn or the text is not ours. */
export function decode(text: string): SessionRecord | undefined {
  const gap = text.indexOf(' ');
  const body = text.slice(gap + 1);
  if (text.slice(0, gap) !== checksum(body)) {
    return undefined;
  }
  const values = JSON.parse(body) as unknown[];
  const [version, sequence, refreshToken, idempotencyKey, userId, endReason, endedAt, from] = values.map((value) => value ?? undefined) as Read;

  return version === 1 ? { sequence, refreshToken, idempotencyKey, userId, endReason, endedAt, from } : undefined;
}

/** FNV-1a, 32 bits: finds torn writes, and names a session token; it is no protection against forgery. */
export function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash.toString(36);
}
