import type { UserID } from './generated/types.gen.js';

/**
 * Whether two ids name the same user. An id is a number or a string, and `sub` of tokens is its text:
 * this compares either with either. Nobody is not the same user as anybody.
 */
export function sameUser(a: UserID | undefined, b: UserID | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && String(a) === String(b));
}
