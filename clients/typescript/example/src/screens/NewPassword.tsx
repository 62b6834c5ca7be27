import { resetPassword } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';
import { endsFlow } from '../pending';

/** Set a new password with the code from the mail. */
export function NewPassword({ code, email }: { code: string; email: string }) {
  const [password, setPassword] = useState('');
  const { busy, failure, run } = useCall('password');
  const { reset } = useNavigation();
  const submit = () =>
    run(async () => {
      await endsFlow(latchkey.complete(resetPassword({ client, body: { key: code, password } })));
      reset({ screen: 'sign_in', email, notice: 'Your password was changed. Sign in with the new one.' });
    });
  return (
    <Screen title="Set a new password" lead="You will be signed out everywhere else." onBack={() => reset({ screen: 'sign_in', email })}>
      <Notice failure={failure} />
      <Field
        kind="new_password"
        label="New password"
        name="password"
        value={password}
        onChange={setPassword}
        failure={failure}
        hint="At least 8 characters. A few words are better than one."
        onSubmit={submit}
      />
      <Button label="Set password" busy={busy} onPress={submit} />
    </Screen>
  );
}
