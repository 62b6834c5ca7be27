import type { ProblemCode } from './generated-actions/actions.gen.js';
import type { Flow as AnyFlow, Problem as AnyProblem } from './generated/types.gen.js';

/** The flows that the server names today. The spec says them in words only. */
export type FlowId =
  | 'login'
  | 'login_by_code'
  | 'mfa_authenticate'
  | 'mfa_reauthenticate'
  | 'mfa_signup_webauthn'
  | 'password_reset_by_code'
  | 'provider_reauthenticate'
  | 'provider_signup'
  | 'reauthenticate'
  | 'reauthenticate_by_code'
  | 'signup'
  | 'verify_email'
  | 'verify_phone';

/** A flow, whose id is one of the spec, or a new one. */
export type Flow = AnyFlow & { readonly id: FlowId | (string & {}) };

/** A problem, whose code is one of the spec, or a new one. */
export type Problem = AnyProblem & { readonly code: ProblemCode | (string & {}) };
