import type { Credential } from './access-token.js';
import { nothingPending } from './errors.js';
import type { Step } from './operations.js';

/** A sign-in that is under way. In memory only: its token is worth a password. */
export interface Underway {
  readonly sessionToken: string;
  /** The flows that it has pending. */
  readonly flows: readonly string[];
}

/** What was known when a request was made. */
export type Origin = Pick<Credential, 'epoch' | 'begun'> & { readonly sessionToken?: string | undefined };

/** The sign-in that is under way, and which beginning is the newest one. */
export type PendingSignIn = ReturnType<typeof createPendingSignIn>;

export function createPendingSignIn() {
  let underway: (Underway & { readonly begun: number }) | undefined;
  /** Counts sign-ins and sign-outs as they begin: only the newest sets the session or what is pending. */
  let newest = 0;

  /** A sign-in begins: what has begun before sets nothing any more. */
  function begin(): number {
    return ++newest;
  }

  /**
   * Notes what a sign-in has pending, whether or not a user is signed in. A first step takes the place of any
   * other sign-in, a further one only of its own. What comes late must not bring its sign-in back.
   */
  function note(next: Underway, origin: Origin, first: boolean): void {
    if (first ? origin.begun === newest : origin.sessionToken === underway?.sessionToken) {
      underway = { ...next, begun: origin.begun };
    } else if (first) {
      throw nothingPending(); // a newer one has begun, or the user has signed out
    }
  }

  /** Forgets a sign-in that is over, where it has not been replaced meanwhile. */
  function drop(sessionToken: string): void {
    if (underway?.sessionToken === sessionToken) {
      underway = undefined;
    }
  }

  /** Forgets the sign-in that is under way, and what is still on its way to it. */
  function cancelPending(): void {
    newest++;
    underway = undefined;
  }

  /** Steps of this flow go with the session from now on, unless the sign-in began later. */
  function claim(flow: string, origin: Origin): void {
    if (underway && underway.begun <= origin.begun) {
      underway = { ...underway, flows: underway.flows.filter((other) => other !== flow) };
    }
  }

  /** The token that a step goes with; undefined where it belongs to the session. */
  function tokenFor(use: Step | undefined, signedIn: boolean): string | undefined {
    const isIts = !signedIn || use === true || (use && underway?.flows.includes(use));

    return isIts ? underway?.sessionToken : undefined;
  }

  return {
    begin,
    note,
    drop,
    cancelPending,
    claim,
    tokenFor,
    begun: () => newest,
    isNewest: (number: number) => number === newest,
    isUnderway: () => underway !== undefined,
    /** Its sign-in is through. */
    clear: () => void (underway = undefined),
  };
}
