import { operationAt } from './generated-actions/actions.gen.js';

export const protocol = '/_allauth/app/v1/';

/** Names the operation behind a method and a path, whatever follows the path. */
export function operationOf(method: string, path: string): string | undefined {
  return operationAt(method, path.replace(/[?#].*/, ''));
}

/**
 * How an operation goes on with a sign-in: it does nothing else (`true`), or it also serves
 * people who are signed in, and goes on with a sign-in that has this flow pending.
 */
export type Step = true | 'verify_email' | 'verify_phone';

// The spec says this in words only, so that it cannot be generated.
const steps: Readonly<Record<string, Step>> = {
  completePasskeySignup: true,
  completeProviderSignup: true,
  confirmLoginCode: true,
  getEmailVerification: 'verify_email',
  getPasskeySignupOptions: true,
  getProviderSignup: true,
  getSecondFactorOptions: true,
  resendEmailVerification: 'verify_email',
  resendLoginCode: true,
  resendPhoneVerification: true,
  submitSecondFactor: true,
  submitSecondFactorCredential: true,
  verifyEmail: 'verify_email',
  verifyPhone: 'verify_phone',
};

/** How an operation goes on with a sign-in; undefined where it does not. */
export function stepOf(operation: string | undefined): Step | undefined {
  return steps[operation ?? ''];
}

/** The operations that answer 401 with nothing pending where they did what they were asked to. */
export const endsIn401 = /^(endSession|requestPasswordReset|resetPassword|verifyEmail)$/;
