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
const offline = 'You are offline. Check your connection and try again.';
const elsewhere = 'Something other than the server answered, such as the sign-in page of a Wi-Fi. Check your connection and try again.';
const unreadable = 'This device could not read its secure store. Try again.';

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
    return { fields: {}, message: passing(error) };
  }
  if (error.status === 410 || (error.status === 409 && error.code !== 'unverified_email') || (error.status === 401 && error.problems.length === 0)) {
    return { fields: {}, message: over };
  }
  if (error.status === 404 && error.problems.length === 0) {
    return { fields: {}, message: 'This server does not offer that.' };
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

/** What will pass by itself, and what the user can do meanwhile. */
function passing({ kind, status, retryAfter }: LatchkeyError): string {
  switch (kind) {
    case 'network':
      return offline;
    case 'undocumented':
      return elsewhere;
    case 'server':
      return `${status === 429 ? 'Too many tries.' : 'The server is busy.'} ${retryAfter ? `Wait ${Math.ceil(retryAfter)} seconds and try again.` : 'Try again in a moment.'}`;
    default:
      return unreadable;
  }
}
