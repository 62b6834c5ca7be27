import { errorOf, judge, type Answer } from './answer.js';
import { operationAt } from './generated-actions/actions.gen.js';
import type { CallOptions, Latchkey } from './latchkey.js';
import { read, type Done, type Pending, type SignedIn } from './outcome.js';
import { protocol, type Apart } from './transport.js';

/** One call of a flow. */
export interface Step extends CallOptions {
  /** The method and the path below the protocol's, such as `GET auth/webauthn/login`. */
  readonly call: readonly [method: string, path: string];
  readonly body?: object | undefined;
  readonly apart?: Apart | undefined;
}

/** Takes a step of a sign-in: what comes next as a value, a problem as an error. */
export async function take(latchkey: Latchkey, step: Step): Promise<SignedIn | Pending | Done> {
  return read(operationOf(step), await ask(latchkey, step));
}

/** Takes a step whose answer is read by the caller; throws the problem where it is one. */
export async function told<Body>(latchkey: Latchkey, step: Step): Promise<Body> {
  const answer = await ask(latchkey, step);
  const word = judge(operationOf(step), answer, false);
  if (word !== 'proceed') {
    throw errorOf(word, answer);
  }
  return answer.envelope as Body;
}

function ask(latchkey: Latchkey, { call: [method, path], body, signal, apart }: Step): Promise<Answer> {
  return latchkey.ask(method, path, body, { signal, apart });
}

function operationOf({ call: [method, path] }: Step): string {
  return operationAt(method, protocol + path.replace(/\?.*/, '')) ?? '';
}
