'use client';
/**
 * The session for React.
 *
 * @packageDocumentation
 */
import { createContext, createElement, Fragment, useCallback, useContext, useSyncExternalStore, type ReactElement, type ReactNode } from 'react';
import type { Latchkey } from './latchkey.js';
import { flowsOf, useCall, type Call, type SignInCall } from './react-calls.js';
import type { Session } from './session.js';
import { shared } from './shared.js';
import { warnIfShared } from './shared-client.js';

export { useCall, type Call, type CallState, type SignInCall } from './react-calls.js';

const LatchkeyContext = shared('context', () => createContext<Latchkey | undefined>(undefined));

/** Makes a client known to the components below. */
export function LatchkeyProvider({ client, children }: { client: Latchkey; children?: ReactNode }): ReactElement {
  const isDrawnByServer = useSyncExternalStore(never, () => false, () => true);

  if (isDrawnByServer) {
    warnIfShared(client);
  }
  return createElement(LatchkeyContext.Provider, { value: client }, children);
}

/** The client of the nearest provider. */
export function useLatchkey(): Latchkey {
  const latchkey = useContext(LatchkeyContext);
  if (!latchkey) {
    throw new Error('latchkey: useLatchkey and useSession need a <LatchkeyProvider client={…}> above');
  }
  return latchkey;
}

const never = () => (): void => undefined;

/** What is known where a page is made on a server, and while a browser takes that page over: nothing. */
const unknown: Session = { state: 'unknown' };

/**
 * Who is signed in; the component is drawn again when that changes. On a server, and at the first drawing of
 * a page that a server has made, the state is `unknown`.
 */
export function useSession(): Session {
  const latchkey = useLatchkey();
  const subscribe = useCallback((changed: () => void) => latchkey.onChange(changed), [latchkey]);

  return useSyncExternalStore(
    subscribe,
    () => latchkey.session,
    () => unknown,
  );
}

/** Signs in with a password: `const { run, isPending, error, flows } = useSignIn()`. */
export function useSignIn(): SignInCall<Parameters<Latchkey['signIn']>[0]> {
  const latchkey = useLatchkey();
  const call = useCall((request: Parameters<Latchkey['signIn']>[0]) => latchkey.signIn(request));

  return { ...call, flows: flowsOf(call.data) };
}

/** Makes an account, as {@link useSignIn} signs in. */
export function useSignUp(): SignInCall<Parameters<Latchkey['signUp']>[0]> {
  const latchkey = useLatchkey();
  const call = useCall((request: Parameters<Latchkey['signUp']>[0]) => latchkey.signUp(request));

  return { ...call, flows: flowsOf(call.data) };
}

/** Signs out; `data` says whether the server will know. */
export function useSignOut(): Call<[], { revoked: Promise<boolean> }> {
  const latchkey = useLatchkey();
  return useCall(() => latchkey.signOut());
}

/** What the helpers below take. */
export interface SessionGateProps {
  children?: ReactNode;
  /** What is shown otherwise: nothing by default. */
  otherwise?: ReactNode;
}

/** Shows its children while a user is signed in. */
export function SignedIn({ children, otherwise }: SessionGateProps): ReactElement {
  return createElement(Fragment, null, useSession().state === 'signed_in' ? children : otherwise);
}

/** Shows its children while it is certain that nobody is signed in: not while the store has not been read yet. */
export function SignedOut({ children, otherwise }: SessionGateProps): ReactElement {
  return createElement(Fragment, null, useSession().state === 'signed_out' ? children : otherwise);
}
