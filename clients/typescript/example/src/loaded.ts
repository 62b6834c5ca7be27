import { useCallback, useEffect, useState } from 'react';
import { repeated } from './call';
import { failureOf, type Failure } from './failure';
import { useReauthentication } from './reauthentication';

const unproven: Failure = { fields: {}, message: 'This is shown once you have proved that it is you.' };

/** What a screen loads when it opens. */
export interface Loaded<Value> {
  value: Value | undefined;
  failure: Failure | undefined;
  reload(): void;
  /** Shows what a later answer said. */
  set(value: Value): void;
}

/**
 * Loads once when the screen opens, and again on `reload`. An answer after the screen is gone
 * is dropped. Where the server wants a proof first, the person is asked for it.
 */
export function useLoaded<Value>(load: () => Promise<Value>): Loaded<Value> {
  const [value, set] = useState<Value>();
  const [failure, setFailure] = useState<Failure>();
  const [round, setRound] = useState(0);
  const reauthenticate = useReauthentication();
  useEffect(() => {
    let gone = false;
    repeated(load, reauthenticate).then(
      (loaded) => !gone && (loaded === undefined ? setFailure(unproven) : set(loaded)),
      (error: unknown) => !gone && setFailure(failureOf(error, [])),
    );
    return () => {
      gone = true;
    };
    // `load` is new at every drawing: only opening and `reload` count.
  }, [round]);
  const reload = useCallback(() => {
    setFailure(undefined);
    setRound((n) => n + 1);
  }, []);
  return { value, failure, reload, set };
}
