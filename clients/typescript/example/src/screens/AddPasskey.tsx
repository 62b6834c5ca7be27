import { addPasskey } from '@latchkey-auth/client/passkeys';
import { useState } from 'react';
import { useCall } from '../call';
import { latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { passkeys } from '../passkeys';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Make a passkey on this device. It signs in by itself, without the password. */
export function AddPasskey() {
  const [name, setName] = useState('');
  const { busy, failure, run } = useCall('name');
  const { back, reset } = useNavigation();
  const submit = () =>
    run(async () => {
      if (!passkeys) {
        return;
      }
      const added = await addPasskey(latchkey, passkeys, { name: name.trim() || undefined });
      const done = { screen: 'factors', notice: `${added.authenticator.name} is added.` } as const;
      reset({ screen: 'profile' }, done, ...(added.recoveryCodesGenerated ? [{ screen: 'recovery_codes', fresh: true } as const] : []));
    });
  return (
    <Screen title="Add a passkey" lead="Sign in with your fingerprint, your face or this device’s PIN." onBack={back}>
      <Notice failure={failure} />
      <Field kind="name" label="Name of the passkey" name="name" value={name} onChange={setName} failure={failure} hint="Helps you recognize it later, such as “My laptop”." onSubmit={submit} />
      <Button label="Create the passkey" busy={busy} onPress={submit} />
    </Screen>
  );
}
