import { LatchkeyError } from '@latchkey-auth/client';

/** What went wrong, in sentences for people: at the fields, and for the whole form. */
export interface Failure {
  fields: Readonly<Record<string, string>>;
  message?: string;
}

const passkeyProblems: Readonly<Record<string, string>> = {
  passkey_exists: 'This device has a passkey for your account already.',
  passkey_not_found: 'This device has no passkey for your account.',
  passkey_unsupported: 'This device has no passkeys.',
};

const over = 'This step is no longer open. Go back and start again.';
const offline = 'The server could not be reached. Check your connection and try again.';

/** Puts each problem at the field it speaks of; one whose field is not among `shown` goes to the form. */
export function failureOf(error: unknown, shown: readonly string[]): Failure | undefined {
  if (!(error instanceof LatchkeyError)) {
    return { fields: {}, message: 'Something went wrong. Try again.' };
  }
  if (error.kind === 'cancelled' || error.kind === 'signed_out') {
    return undefined; // the person did it, or the sign-in screen is on its way
  }
  if (error.kind === 'passkey') {
    return { fields: {}, message: passkeyProblems[error.code ?? ''] ?? 'The passkey did not work. Try again.' };
  }
  if (error.kind === 'nothing_pending') {
    return { fields: {}, message: over };
  }
  if (error.kind !== 'problem') {
    return { fields: {}, message: error.kind === 'server' ? busy(error.retryAfter) : offline };
  }
  if (error.status === 410 || (error.status === 409 && error.code !== 'unverified_email') || (error.status === 401 && error.problems.length === 0)) {
    return { fields: {}, message: over };
  }
  const fields: Record<string, string> = {};
  const rest: string[] = [];
  for (const { param, code, message: said } of error.problems) {
    const message = param === 'email' && code === 'invalid' ? 'Enter an email address, such as ada@example.com.' : said;
    if (param && shown.includes(param)) {
      fields[param] = fields[param] ? `${fields[param]} ${message}` : message;
    } else {
      rest.push(message);
    }
  }
  if (rest.length === 0 && Object.keys(fields).length === 0) {
    rest.push('That did not work. Try again.');
  }
  return rest.length > 0 ? { fields, message: rest.join(' ') } : { fields };
}

function busy(retryAfter?: number): string {
  return retryAfter ? `Too many tries. Wait ${Math.ceil(retryAfter)} seconds and try again.` : 'The server is busy. Try again in a moment.';
}
