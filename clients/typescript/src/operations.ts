import { protocol } from './generated-actions/actions.gen.js';

export { protocol };

const profile = '/api/v1/users/profile/';

/** Names the operation behind a method and a path, whatever follows the path, as the table of actions names it. */
export function operationOf(method: string, path: string): string | undefined {
  const plain = path.replace(/[?#].*/, '');

  if (plain.startsWith(protocol)) {
    return `${method} ${plain.slice(protocol.length)}`;
  }
  return plain === profile ? `${method} ${plain}` : undefined;
}

/**
 * How an operation goes on with a sign-in: it does nothing else (`true`), or it also serves
 * users who are signed in, and goes on with a sign-in that has this flow pending.
 */
export type Step = true | string;

// The spec says this in words only, so that it cannot be generated.
const onlySteps = /^((GET|PUT) auth\/webauthn\/signup|\w+ auth\/(provider\/signup|code\/(confirm|resend)|(2fa|webauthn)\/authenticate|phone\/verify\/resend))$/;
const ownSteps = /^(?:GET|POST) auth\/(email|phone)\/verify(\/resend)?$/;

/** How an operation goes on with a sign-in; undefined where it does not. */
export function stepOf(operation = ''): Step | undefined {
  if (onlySteps.test(operation)) {
    return true;
  }
  const own = ownSteps.exec(operation);
  return own ? `verify_${own[1]}` : undefined;
}

/** The operations that begin a sign-in or a sign-up. */
export const begins = /^POST auth\/(login|signup|webauthn\/(login|signup)|provider\/token|(code|password)\/request)$/;

/** The flow that a signed-in user begins with an address or a number of their own. */
export function flowBegunBy(operation = ''): string | undefined {
  const own = /^(?:POST|PUT) account\/(email|phone)$/.exec(operation);
  return own ? `verify_${own[1]}` : undefined;
}

/** The operations that answer 401 with nothing pending where they did what they were asked to. */
export const endsIn401 = /^(DELETE auth\/session|POST auth\/(password\/(request|reset)|email\/verify))$/;

/** The operations that spend a refresh token, or a session token for a pair. */
export const refreshes = /\/(refresh|exchange)$/;
