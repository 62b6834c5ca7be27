import { errorOf, judge, type Answer } from './answer.js';
import type { Latchkey, SignInOptions } from './latchkey.js';
import { entered, read, type Done, type Pending, type SignedIn } from './outcome.js';
import { operationOf, protocol } from './operations.js';
import type { Apart } from './transport.js';

/** One call of a flow. */
export interface Call extends SignInOptions {
  /** The method and the path below the protocol's, such as `GET auth/webauthn/login`. */
  readonly call: readonly [method: string, path: string];
  readonly body?: object | undefined;
  readonly apart?: Apart | undefined;
}

/** Makes a call of a sign-in: what comes next as a value, a problem as an error. */
export async function take(latchkey: Latchkey, call: Call): Promise<SignedIn | Pending | Done> {
  return read(nameOf(call), await latchkey.ask(call));
}

/** The same, where the call lets somebody in or says what is pending. */
export async function enter(latchkey: Latchkey, call: Call): Promise<SignedIn | Pending> {
  return entered(await take(latchkey, call));
}

/** Makes a call whose answer is read by the caller, who cannot be sure of its members; throws the problem where it is one. */
export async function told<Body>(latchkey: Latchkey, call: Call): Promise<Partial<Body>> {
  const answer: Answer = await latchkey.ask(call);
  const operation = nameOf(call);
  const word = judge(operation, answer, false);
  if (word !== 'proceed') {
    throw errorOf(operation, word, answer);
  }
  return answer.envelope as Partial<Body>;
}

function nameOf({ call: [method, path] }: Call): string {
  return operationOf(method, protocol + path) ?? '';
}
