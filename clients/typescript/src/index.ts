/**
 * The client of a Latchkey server: sign in once, stay signed in.
 *
 * @packageDocumentation
 */
export { createLatchkey, type CallOptions, type Latchkey, type LatchkeyOptions, type SignInOptions, type SignInRequest, type SignUpRequest } from './latchkey.js';
export { isRetryable, LatchkeyError, type ErrorCode, type ErrorDetails, type ErrorKind } from './errors.js';
export { followNetwork, type ApplicationState, type NetworkInfo } from './network.js';
export { memoryStorage, type Storage } from './storage.js';
export type { Clock } from './clock.js';
export type { ApiResult, Done, Pending, SignedIn } from './outcome.js';
export type { EndReason, Session, SessionListener } from './session.js';
export type { Action } from './generated-actions/actions.gen.js';
export { sameUser } from './user-id.js';
export type { LoginRequest, SignupRequest, User, UserID } from './generated/types.gen.js';
export type { Flow, FlowId, Problem } from './known.js';
