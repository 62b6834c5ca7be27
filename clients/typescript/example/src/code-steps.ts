import { confirmLoginCode, getPasswordReset, requestPasswordReset, resendEmailVerification, resendLoginCode, verifyEmail } from '@latchkey-auth/client/api';
import { client, dataOf, latchkey } from './latchkey';
import type { CodePurpose } from './navigation';

/** How a code is used, by what it was asked for. */
interface CodeStep {
  title: string;
  button: string;
  /** The member or header by which the server's problems name the code. */
  param: string;
  /** Shows the code to the server. */
  confirm(code: string): ReturnType<typeof latchkey.complete>;
  /** Has another code sent. */
  resend(email: string): Promise<unknown>;
}

const verification: Omit<CodeStep, 'title'> = {
  button: 'Verify address',
  param: 'key',
  confirm: (key) => latchkey.complete(verifyEmail({ client, body: { key } })),
  resend: () => dataOf(resendEmailVerification({ client })),
};

export const codeSteps: Readonly<Record<CodePurpose, CodeStep>> = {
  verify_email: { ...verification, title: 'Check your email' },
  verify_address: { ...verification, title: 'Verify the address' },
  login_by_code: {
    title: 'Check your email',
    button: 'Sign in',
    param: 'code',
    confirm: (code) => latchkey.complete(confirmLoginCode({ client, body: { code } })),
    resend: () => dataOf(resendLoginCode({ client })),
  },
  password_reset_by_code: {
    title: 'Check your email',
    button: 'Continue',
    param: 'X-Password-Reset-Key',
    confirm: (code) => latchkey.complete(getPasswordReset({ client, headers: { 'X-Password-Reset-Key': code } })),
    resend: (email) => latchkey.complete(requestPasswordReset({ client, body: { email } })),
  },
};
