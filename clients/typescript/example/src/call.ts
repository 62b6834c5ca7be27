import { LatchkeyError } from '@latchkey-auth/client';
import { useCallback, useRef, useState } from 'react';
import { failureOf, type Failure } from './failure';
import { useReauthentication, type Ask } from './reauthentication';

/** A call to the server as a screen shows it. */
export interface Call {
  busy: boolean;
  failure: Failure | undefined;
  /** Runs `task`; a second tap while it runs does nothing. */
  run(task: () => Promise<unknown>): Promise<void>;
}

/**
 * Runs calls for a screen that has the fields `shown`. Where the server wants to know again
 * who it is, the person is asked to prove it, and the call is made once more.
 */
export function useCall(...shown: string[]): Call {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const running = useRef(false);
  const fields = useRef(shown);
  const reauthenticate = useReauthentication();
  const run = useCallback(
    async (task: () => Promise<unknown>) => {
      if (running.current) {
        return;
      }
      running.current = true;
      setBusy(true);
      setFailure(undefined);
      try {
        await repeated(task, reauthenticate);
      } catch (error) {
        setFailure(failureOf(error, fields.current));
      } finally {
        running.current = false;
        setBusy(false);
      }
    },
    [reauthenticate],
  );
  return { busy, failure, run };
}

/** Does `task`, once more where that needs a proof first; undefined where the person gives none. */
export async function repeated<Value>(task: () => Promise<Value>, reauthenticate: Ask): Promise<Value | undefined> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof LatchkeyError) || error.action !== 'reauthenticate') {
      throw error;
    }
    return (await reauthenticate(error.flows)) ? task() : undefined;
  }
}
