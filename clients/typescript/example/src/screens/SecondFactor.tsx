import { showSecondFactorKey } from '@latchkey-auth/client/passkeys';
import { submitSecondFactorCode } from '@latchkey-auth/client/second-factor';
import { useState } from 'react';
import { useCall } from '../call';
import { latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { passkeys } from '../passkeys';
import { usePending } from '../pending';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** The second step of a sign-in: a code, or a key. `types` are what the person has. */
export function SecondFactor({ types }: { types: readonly string[] }) {
  const [code, setCode] = useState('');
  const { busy, failure, run } = useCall('code');
  const { reset } = useNavigation();
  const goOn = usePending();
  const byKey = types.includes('webauthn') ? passkeys : undefined;
  const byCode = types.includes('totp') || types.includes('recovery_codes') || !byKey;
  const submit = () => run(async () => goOn(await submitSecondFactorCode(latchkey, code), ''));
  const show = () => run(async () => byKey && goOn(await showSecondFactorKey(latchkey, byKey), ''));
  const lead = byCode ? 'Enter the code from your authenticator app, or a recovery code.' : 'Use your passkey or security key to continue.';
  return (
    <Screen title="One more step" lead={lead} onBack={() => reset({ screen: 'sign_in' })}>
      <Notice failure={failure} />
      {byCode && <Field kind="code" label="Code" name="code" value={code} onChange={setCode} failure={failure} onSubmit={submit} />}
      {byCode && <Button label="Continue" busy={busy} onPress={submit} />}
      {byKey && <Button label="Use a passkey" look={byCode ? 'outline' : 'filled'} busy={busy} onPress={show} />}
    </Screen>
  );
}
