import { useCallback, useEffect, useRef, useState } from 'react';
import { LatchkeyError } from './errors.js';
import type { Flow } from './generated/types.gen.js';
import type { Pending, SignedIn } from './outcome.js';

/** What a component shows of a call. */
export interface CallState<Result> {
  /** The call is on its way. */
  readonly isPending: boolean;
  /** Why the last call failed. Not set where the user dismissed a prompt, or the caller cancelled. */
  readonly error: LatchkeyError | undefined;
  /** What the last call resolved to. */
  readonly data: Result | undefined;
}

/** A call, and what to show of it. */
export interface Call<Args extends readonly unknown[], Result> extends CallState<Result> {
  /**
   * Makes the call. Resolves to its result, or to undefined where it failed: then `error` says why. While one
   * is on its way, a second one is not made. What is no `LatchkeyError` is thrown.
   */
  run(...args: Args): Promise<Result | undefined>;
  /** The server's sentence about a member of the request, such as `email`. */
  problemAt(param: string): string | undefined;
  /** Forgets the error and the result. */
  reset(): void;
}

/** A sign-in or sign-up: see {@link Call}. */
export interface SignInCall<Request> extends Call<[request: Request], SignedIn | Pending> {
  /** What the sign-in waits for: empty where it waits for nothing. */
  readonly flows: readonly Flow[];
}

const idle = { isPending: false, error: undefined, data: undefined };

/** Makes any call of the client from a component: `useCall(() => addPasskey(latchkey, passkeys))`. */
export function useCall<Args extends readonly unknown[], Result>(work: (...args: Args) => Promise<Result>): Call<Args, Result> {
  const [state, setState] = useState<CallState<Result>>(idle);
  const running = useRef<Promise<Result | undefined>>(undefined);
  const newest = useRef(work);

  useEffect(() => {
    newest.current = work;
  });

  const run = useCallback((...args: Args): Promise<Result | undefined> => {
    const perform = async (): Promise<Result | undefined> => {
      setState({ ...idle, isPending: true });
      try {
        const data = await newest.current(...args);
        setState({ ...idle, data });
        return data;
      } catch (error) {
        setState({ ...idle, error: shown(error) });
        if (error instanceof LatchkeyError) {
          return undefined;
        }
        throw error;
      } finally {
        running.current = undefined;
      }
    };

    return (running.current ??= perform());
  }, []);
  const reset = useCallback(() => setState(idle), []);

  return {
    ...state,
    run,
    reset,
    problemAt: (param) => state.error?.problems.find((problem) => problem.param === param)?.message,
  };
}

/** The flows that a result waits for. */
export function flowsOf(result: SignedIn | Pending | undefined): readonly Flow[] {
  return result?.kind === 'pending' ? result.flows : [];
}

function shown(error: unknown): LatchkeyError | undefined {
  return error instanceof LatchkeyError && error.kind !== 'cancelled' ? error : undefined;
}
