import { below } from './addresses.js';
import { answerOf, errorOf, judge, type Answer } from './answer.js';
import { LatchkeyError } from './errors.js';
import type { User } from './generated/types.gen.js';
import type { Flow } from './known.js';
import { endsIn401, operationOf } from './operations.js';
import { isOurs } from './server-calls.js';
import { typed } from './waiting.js';

/** The person is signed in. */
export interface SignedIn {
  readonly kind: 'signed_in';
  readonly user: User;
  /** The account was about to be deleted; this sign-in has undone it. */
  readonly deletionCancelled: boolean;
}

/** A further step is needed: what `flows` names, such as `verify_email` or `mfa_authenticate`. */
export interface Pending {
  readonly kind: 'pending';
  readonly flows: readonly Flow[];
}

/** The step was taken, nothing is pending, and nobody is signed in: `flows` can be started. */
export interface Done {
  readonly kind: 'done';
  readonly flows: readonly Flow[];
}

/** What a function of `@latchkey-auth/client/api` resolves to, as far as it is needed here. */
export interface ApiResult {
  readonly data?: unknown;
  readonly error?: unknown;
  readonly request?: Request | undefined;
  readonly response?: Response | undefined;
}

/** Reads the result of a generated function; see {@link read}. */
export async function outcome(baseUrl: string, result: ApiResult | PromiseLike<ApiResult>): Promise<SignedIn | Pending | Done> {
  const { data, error, request, response } = await result;
  if (!response || !request || (error instanceof LatchkeyError && !('meta' in error))) {
    throw typed(error, undefined);
  }
  const operation = operationOf(request.method, below(baseUrl, request.url) ?? '') ?? '';
  const body = isOurs(baseUrl, response) ? (data ?? error) : undefined;
  return read(operation, answerOf(response.status, body, (name) => response.headers.get(name)));
}

/** Reads an answer of a sign-in step as a value, and throws the problem where it is one. */
export function read(operation: string, answer: Answer): SignedIn | Pending | Done {
  const word = judge(operation, answer, false);
  const { user, flows = [] } = answer.envelope?.data ?? {};
  const meta = answer.envelope?.meta;
  if (word === 'continue_flow') {
    return { kind: 'pending', flows: flows.filter((flow) => flow.is_pending) };
  }
  if (word !== 'proceed') {
    throw errorOf(operation, word, answer);
  }
  if (answer.status === 401 && !endsIn401.test(operation)) {
    throw errorOf(operation, 'show', answer); // nobody is in, and there is nothing to go on with: the account is disabled
  }
  return user && meta?.is_authenticated ? { kind: 'signed_in', user, deletionCancelled: meta.deletion_cancelled === true } : { kind: 'done', flows };
}

/** A step of a sign-in leads to somebody who is signed in, or to the next step. */
export function entered(result: SignedIn | Pending | Done): SignedIn | Pending {
  if (result.kind === 'done') {
    throw lacks('who is signed in');
  }
  return result;
}

/** The error for an answer of ours that lacks what it is there for. */
export function lacks(what: string): LatchkeyError {
  return new LatchkeyError('undocumented', `the answer does not say ${what}`);
}
