import { deleteAccount, reauthenticate } from '@latchkey-auth/client/api';
import { useSession } from '@latchkey-auth/client/react';
import { useState } from 'react';
import { useCall } from '../call';
import { client, dataOf, latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

const lead =
  'You will be signed out everywhere. Your data is deleted for good after a waiting period; we’ll email you the date. Sign in before then to keep your account.';

/** Leave. The password is asked for first, so that nobody else does it on an unlocked phone. */
export function DeleteAccount() {
  const session = useSession();
  const needsPassword = session.state === 'signed_in' && session.user?.has_usable_password !== false;
  const [password, setPassword] = useState('');
  const { busy, failure, run } = useCall('password');
  const { back } = useNavigation();
  const submit = () =>
    run(async () => {
      if (needsPassword) {
        await latchkey.complete(reauthenticate({ client, body: { password } }));
      }
      await dataOf(deleteAccount({ client })); // ends the session, which shows the sign-in screen
    });
  return (
    <Screen title="Delete account" lead={lead} onBack={back}>
      <Notice failure={failure} />
      {needsPassword && (
        <Field kind="current_password" label="Password" name="password" value={password} onChange={setPassword} failure={failure} onSubmit={submit} />
      )}
      <Button label="Delete my account" look="danger" busy={busy} onPress={submit} />
      <Button label="Keep my account" look="plain" onPress={back} />
    </Screen>
  );
}
