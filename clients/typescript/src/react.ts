'use client';
/**
 * The session for React.
 *
 * @packageDocumentation
 */
import { createContext, createElement, useCallback, useContext, useSyncExternalStore, type ReactElement, type ReactNode } from 'react';
import type { Latchkey } from './latchkey.js';
import type { Session } from './session.js';

const LatchkeyContext = createContext<Latchkey | undefined>(undefined);

/** Makes a client known to the components below. */
export function LatchkeyProvider({ client, children }: { client: Latchkey; children?: ReactNode }): ReactElement {
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
