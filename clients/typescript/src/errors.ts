import type { Action, ProblemCode } from './generated-actions/actions.gen.js';
import type { Flow, Problem } from './known.js';
import type { EndReason } from './session.js';

/**
 * What went wrong.
 *
 * - `network`: no answer, one that broke off, or a time-out. Tokens are kept.
 * - `server`: the server asks to wait or to try again, another call of this session was faster
 *   (`action` is `reread`), or the client is still waiting before it asks again. Tokens are kept.
 * - `undocumented`: the answer is not one of ours, such as a captive portal's page. Tokens
 *   are kept.
 * - `problem`: the server says what is wrong; see `code` and `problems`.
 * - `store`: the secure store could not be read or written. Tokens are kept.
 * - `locked`: the secure store is locked together with the device. Tokens are kept.
 * - `cancelled`: the caller's signal was aborted, or the person dismissed the unlock prompt
 *   or the one for a passkey.
 * - `unlock_unavailable`: the device cannot show the unlock prompt; `code` says why: `not_enrolled`,
 *   `locked_out` (too many wrong faces or fingers), `no_passcode`, `unavailable`. Tokens are kept.
 * - `passkey`: the device could not make or use a passkey; `code` says why. Tokens are kept.
 * - `signed_out`: there is no session; `code` is the reason, where known.
 * - `nothing_pending`: a step of a sign-in was to be taken, and no sign-in is under way, or
 *   not any more: begin again. Who is signed in stays so.
 */
export type ErrorKind = 'network' | 'server' | 'undocumented' | 'problem' | 'store' | 'locked' | 'cancelled' | 'unlock_unavailable' | 'passkey' | 'signed_out' | 'nothing_pending';

/** The codes of problems, of the ends of sessions and of what a device throws. More will come. */
export type ErrorCode = ProblemCode | EndReason | DeviceCode | (string & {});

type DeviceCode = 'unlock_dismissed' | 'not_enrolled' | 'locked_out' | 'no_passcode' | 'unavailable' | `passkey_${'dismissed' | 'exists' | 'failed' | 'not_found' | 'unsupported'}`;

/** What a {@link LatchkeyError} knows beyond its kind. */
export interface ErrorDetails {
  /** What a client does about it, in the words of the server's `x-client-action`. */
  action?: Action | undefined;
  /** The HTTP status, where there was an answer. */
  status?: number | undefined;
  /** The code of the first problem, or why the session ended. */
  code?: string | undefined;
  /** Everything that the server found wrong, one entry a member of the request. */
  problems?: readonly Problem[] | undefined;
  /** How the person can prove again who they are, where `action` is `reauthenticate`. */
  flows?: readonly Flow[] | undefined;
  /** Seconds to wait before it makes sense to try again. */
  retryAfter?: number | undefined;
  /** What was thrown underneath. */
  cause?: unknown;
}

/** Every error that this package makes. It never carries a token, a code or a password. */
export class LatchkeyError extends Error {
  readonly kind: ErrorKind;
  readonly action: Action | undefined;
  readonly status: number | undefined;
  readonly code: ErrorCode | undefined;
  readonly problems: readonly Problem[];
  readonly flows: readonly Flow[];
  readonly retryAfter: number | undefined;
  readonly cause: unknown;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(`latchkey: ${message}`);
    this.name = 'LatchkeyError';
    this.kind = kind;
    this.action = details.action ?? (retryable.includes(kind) ? 'retry' : undefined);
    this.status = details.status;
    this.code = details.code;
    this.problems = details.problems ?? [];
    this.flows = details.flows ?? [];
    this.retryAfter = details.retryAfter;
    this.cause = details.cause;
  }

  /** A program may hold this package twice, as ES modules and as CommonJS: an error of either copy is one. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === LatchkeyError ? (value as Error | undefined)?.name === 'LatchkeyError' : Object[Symbol.hasInstance].call(this, value);
  }
}

const retryable: readonly ErrorKind[] = ['network', 'server', 'undocumented', 'store', 'locked'];

/**
 * Whether the session is untouched, and it makes sense to try again later. Not always with
 * the same input: where no answer came, the server may have used up an id_token or a code
 * that works once. Get a new one.
 */
export function isRetryable(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && (retryable.includes(error.kind) || error.code === 'locked_out');
}

export function signedOut(reason?: string): LatchkeyError {
  return new LatchkeyError('signed_out', 'nobody is signed in', { code: reason });
}

export function nothingPending(details?: ErrorDetails): LatchkeyError {
  return new LatchkeyError('nothing_pending', 'no sign-in is under way', details);
}

export function cancelled(): LatchkeyError {
  return new LatchkeyError('cancelled', 'the caller cancelled');
}

/** The error of a store's failure: what the adapter threw, if that says more. */
export function storeError(cause: unknown): LatchkeyError {
  return cause instanceof LatchkeyError ? cause : new LatchkeyError('store', 'the store failed', { cause });
}
