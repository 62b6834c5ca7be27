import { LatchkeyError, nothingPending } from './errors.js';
import { action, type Action } from './generated-actions/actions.gen.js';
import type { Flow, Problem, User } from './generated/types.gen.js';
import { stepOf } from './operations.js';

/** The members that answers of the server share. */
export interface Envelope {
  readonly status?: unknown;
  readonly data?: { readonly user?: User; readonly flows?: readonly Flow[] };
  readonly meta?: {
    readonly is_authenticated?: boolean | null;
    readonly session_token?: string;
    readonly access_token?: string;
    readonly refresh_token?: string;
    readonly device_token?: string;
    readonly ended_at?: number;
    readonly end_reason?: string;
    readonly deletion_cancelled?: boolean;
  };
  readonly errors?: readonly Problem[];
}

/** An answer, as far as the session depends on it. */
export interface Answer {
  readonly status: number;
  /** The body, where it is our JSON: its `status` equals the HTTP status. */
  readonly envelope: Envelope | undefined;
  /** Seconds to wait, where the server says so. */
  readonly retryAfter: number | undefined;
  /** The access token that was sent was refused (RFC 6750, section 3.1). */
  readonly tokenRefused: boolean;
}

/** Reads headers by name, whatever carries them. */
export type HeaderOf = (name: string) => string | null | undefined;

export function answerOf(status: number, body: unknown, header: HeaderOf): Answer {
  const envelope = typeof body === 'object' && body !== null && (body as Envelope).status === status ? (body as Envelope) : undefined;
  const seconds = Number(header('Retry-After') || undefined); // a date is not understood: the clock may be wrong
  return {
    status,
    envelope,
    retryAfter: seconds >= 0 ? seconds : undefined,
    tokenRefused: /invalid_token/.test(header('WWW-Authenticate') ?? ''),
  };
}

/** Parses JSON; undefined where it is none. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** What to do with an answer. One that is not our JSON says nothing. */
export function judge(operation: string, { status, envelope }: Answer, bearerSent: boolean): Action {
  if (!envelope) {
    return 'retry';
  }
  return action(operation, status, {
    code: envelope.errors?.[0]?.code,
    flowPending: envelope.data?.flows?.some((flow) => flow.is_pending),
    isAuthenticated: envelope.meta?.is_authenticated,
    bearerSent,
  });
}

/** Whether an answer to a step of a sign-in says that the sign-in is not under way, or not any more. */
export function isOver(operation: string | undefined, word: Action, { status, envelope }: Answer): boolean {
  const over = word === 'sign_out' || (status === 401 && (word === 'show' || word === 'proceed')) || envelope?.errors?.[0]?.code === 'flow_not_pending';

  return over && stepOf(operation) !== undefined;
}

/** The error that an answer stands for. */
export function errorOf(operation: string, word: Action, answer: Answer): LatchkeyError {
  const { status, envelope, retryAfter } = answer;
  const busy = envelope && (word === 'wait' || word === 'reread' || (word === 'retry' && status >= 408)); // ours, also where a proxy caused it
  const kind = busy ? 'server' : word === 'retry' ? 'undocumented' : 'problem';
  const problems = envelope?.errors;
  const code = problems?.[0]?.code;
  const details = { action: word, status, code, problems, flows: envelope?.data?.flows, retryAfter };
  return isOver(operation, word, answer) ? nothingPending(details) : new LatchkeyError(kind, `the server answered ${status} ${code ?? ''}`.trim(), details);
}
