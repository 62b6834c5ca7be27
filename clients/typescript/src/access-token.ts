import { now, type Clock, type Moment } from './clock.js';

/** An access token, and how long it is good for. */
export interface AccessToken {
  readonly text: string;
  /** When it was received. */
  readonly at: Moment;
  /** Milliseconds from then until its end. */
  readonly life: number;
  /** Milliseconds from then until it is better replaced. */
  readonly renew: number;
}

/** What to send with a request. */
export interface Credential {
  readonly access?: AccessToken | undefined;
  /** Whether the access token was refreshed for this very request. */
  readonly fresh?: boolean;
  /** The token of a sign-in that is under way. */
  readonly sessionToken?: string | undefined;
  /** Numbers the session that the request belongs to; see {@link Keeper.adopt}. */
  readonly epoch: number;
  /** Numbers the newest sign-in or sign-out when the request was made; see {@link Keeper.adopt}. */
  readonly begun: number;
}

/** Renewed this long before its end, in milliseconds, or in the last fifth of a short life. */
const ahead = 30_000;

/** Starts the life of a token that has just been received: `exp` − `iat` from now on. */
export function received(text: string, clock: Clock): AccessToken {
  const { exp, iat } = claims(text);
  const life = typeof exp === 'number' && typeof iat === 'number' ? (exp - iat) * 1_000 : Infinity; // unknown: until a 401

  return { text, at: now(clock), life, renew: life - Math.min(ahead, life / 5) };
}

/**
 * Whether two refresh tokens are the same one. The server repeats a young token: equal in its
 * claims, not in its bytes.
 */
export function sameToken(a: string, b: string | undefined): boolean {
  const { jti } = claims(a);
  return jti !== undefined && jti === claims(b ?? '').jti;
}

/** The session that a refresh token belongs to; undefined where the token does not say. */
export function sessionOf(token = ''): unknown {
  return claims(token).sid;
}

function claims(token: string): { exp?: unknown; iat?: unknown; jti?: unknown; sid?: unknown } {
  try {
    return JSON.parse(base64url(token.split('.')[1] ?? '')) as object;
  } catch {
    return {};
  }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Hermes has no atob in all versions. Bytes stand for Latin-1: the members asked for are ASCII. */
function base64url(text: string): string {
  let out = '';
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    held = (held << 6) | alphabet.indexOf(letter);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += String.fromCharCode((held >> bits) & 0xff);
    }
  }
  return out;
}
