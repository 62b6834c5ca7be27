import { changePassword } from '@latchkey-auth/client/api';
import { useSession } from '@latchkey-auth/client/react';
import { useState } from 'react';
import { useCall } from '../call';
import { client, latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Change the password, or set the first one. */
export function ChangePassword() {
  const session = useSession();
  const first = session.state === 'signed_in' && session.user?.has_usable_password === false;
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const { busy, failure, run } = useCall('current_password', 'new_password');
  const { back, reset } = useNavigation();
  const submit = () =>
    run(async () => {
      await latchkey.complete(changePassword({ client, body: { ...(first ? {} : { current_password: current }), new_password: next } }));
      reset({ screen: 'profile', notice: 'Your password was changed.' });
    });
  return (
    <Screen title={first ? 'Set a password' : 'Change password'} lead="All other devices will be signed out." onBack={back}>
      <Notice failure={failure} />
      {!first && (
        <Field kind="current_password" label="Current password" name="current_password" value={current} onChange={setCurrent} failure={failure} />
      )}
      <Field
        kind="new_password"
        label="New password"
        name="new_password"
        value={next}
        onChange={setNext}
        failure={failure}
        hint="At least 8 characters. A few words are better than one."
        onSubmit={submit}
      />
      <Button label={first ? 'Set password' : 'Change password'} busy={busy} onPress={submit} />
    </Screen>
  );
}
