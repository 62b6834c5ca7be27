import type { Flow } from '@latchkey-auth/client';
import { reauthenticate } from '@latchkey-auth/client/api';
import { reauthenticateWithKey } from '@latchkey-auth/client/passkeys';
import { reauthenticateWithCode } from '@latchkey-auth/client/second-factor';
import { createContext, useCallback, useContext, useRef, useState, type ReactNode } from 'react';
import { Modal } from 'react-native';
import { failureOf, type Failure } from './failure';
import { client, latchkey } from './latchkey';
import { OtherProofs } from './other-proofs';
import { passkeys } from './passkeys';
import { Button } from './ui/Button';
import { Field } from './ui/Field';
import { Link } from './ui/Link';
import { Notice } from './ui/Notice';
import { Screen } from './ui/Screen';

/** Asks for one of the proofs that `flows` name; resolves to whether the server accepted it. */
export type Ask = (flows: readonly Flow[]) => Promise<boolean>;

const ReauthenticationContext = createContext<Ask>(() => Promise.resolve(false));

/** Asks the person to prove that it is still them. */
export function useReauthentication(): Ask {
  return useContext(ReauthenticationContext);
}

/** Shows the question above the screens below. */
export function ReauthenticationProvider({ children }: { children: ReactNode }) {
  const [flows, setFlows] = useState<readonly Flow[]>();
  const answer = useRef<(accepted: boolean) => void>(undefined);
  const ask = useCallback<Ask>((named) => {
    setFlows(named);
    return new Promise((resolve) => (answer.current = resolve));
  }, []);
  const close = (accepted: boolean) => {
    setFlows(undefined);
    answer.current?.(accepted);
  };
  return (
    <ReauthenticationContext.Provider value={ask}>
      {children}
      <Modal visible={flows !== undefined} animationType="slide" onRequestClose={() => close(false)}>
        {flows && (guarded(flows) ? <Question flows={flows} close={close} /> : <OtherProofs flows={flows} close={close} />)}
      </Modal>
    </ReauthenticationContext.Provider>
  );
}

/** Whether the account has a password or a second factor, and so proves itself by these. */
function guarded(flows: readonly Flow[]): boolean {
  return flows.some(({ id }) => id === 'reauthenticate' || id === 'mfa_reauthenticate');
}

function Question({ flows, close }: { flows: readonly Flow[]; close: (accepted: boolean) => void }) {
  const types = flows.find(({ id }) => id === 'mfa_reauthenticate')?.types ?? [];
  const byPassword = flows.some(({ id }) => id === 'reauthenticate');
  const byCode = types.includes('totp') || types.includes('recovery_codes');
  const byKey = types.includes('webauthn') ? passkeys : undefined;
  const [kind, setKind] = useState<'password' | 'code'>(byPassword || !byCode ? 'password' : 'code');
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const prove = async (proof: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await proof();
      close(true);
    } catch (error) {
      setFailure(failureOf(error, [kind]));
    } finally {
      setBusy(false);
    }
  };
  const submit = () => prove(() => (kind === 'code' ? reauthenticateWithCode(latchkey, text) : latchkey.complete(reauthenticate({ client, body: { password: text } }))));
  const change = () => {
    setKind(kind === 'code' ? 'password' : 'code');
    setText('');
    setFailure(undefined);
  };
  const typed = byPassword || byCode;
  const lead = !typed ? 'Show your passkey to go on.' : kind === 'code' ? 'Enter a code of your authenticator app, or a recovery code.' : 'Enter your password to go on.';
  return (
    <Screen title="Is it you?" lead={lead} onBack={() => close(false)}>
      <Notice failure={failure} />
      {typed && kind === 'code' && <Field kind="code" label="Code" value={text} onChange={setText} failure={failure} name="code" onSubmit={submit} />}
      {typed && kind === 'password' && <Field kind="current_password" label="Password" value={text} onChange={setText} failure={failure} name="password" onSubmit={submit} />}
      {byPassword && byCode && <Link label={kind === 'code' ? 'Use the password instead' : 'Use a code instead'} onPress={change} />}
      {typed && <Button label="Continue" busy={busy} onPress={submit} />}
      {byKey && <Button label="Use a passkey" look="outline" busy={busy} onPress={() => void prove(() => reauthenticateWithKey(latchkey, byKey))} />}
      <Button label="Cancel" look="plain" onPress={() => close(false)} />
    </Screen>
  );
}
