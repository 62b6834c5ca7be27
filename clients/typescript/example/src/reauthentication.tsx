import { reauthenticate } from '@latchkey-auth/client/api';
import { createContext, useCallback, useContext, useRef, useState, type ReactNode } from 'react';
import { Modal } from 'react-native';
import { failureOf, type Failure } from './failure';
import { client, latchkey } from './latchkey';
import { Button } from './ui/Button';
import { Field } from './ui/Field';
import { Notice } from './ui/Notice';
import { Screen } from './ui/Screen';

type Ask = () => Promise<boolean>;

const ReauthenticationContext = createContext<Ask>(() => Promise.resolve(false));

/** Asks the person for the password; resolves to whether the server accepted it. */
export function useReauthentication(): Ask {
  return useContext(ReauthenticationContext);
}

/** Shows the question above the screens below. */
export function ReauthenticationProvider({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const answer = useRef<(accepted: boolean) => void>(undefined);
  const ask = useCallback<Ask>(() => {
    setOpen(true);
    return new Promise((resolve) => (answer.current = resolve));
  }, []);
  const close = (accepted: boolean) => {
    setOpen(false);
    answer.current?.(accepted);
  };
  return (
    <ReauthenticationContext.Provider value={ask}>
      {children}
      <Modal visible={open} animationType="slide" onRequestClose={() => close(false)}>
        <Question close={close} />
      </Modal>
    </ReauthenticationContext.Provider>
  );
}

function Question({ close }: { close: (accepted: boolean) => void }) {
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const submit = async () => {
    setBusy(true);
    try {
      await latchkey.complete(reauthenticate({ client, body: { password } }));
      close(true);
    } catch (error) {
      setFailure(failureOf(error, ['password']));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Screen title="Is it you?" lead="Enter your password to go on." onBack={() => close(false)}>
      <Notice failure={failure} />
      <Field kind="current_password" label="Password" value={password} onChange={setPassword} failure={failure} name="password" onSubmit={submit} />
      <Button label="Continue" busy={busy} onPress={submit} />
      <Button label="Cancel" look="plain" onPress={() => close(false)} />
    </Screen>
  );
}
