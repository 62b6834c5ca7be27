import { useState } from 'react';
import { useCall } from '../call';
import { latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { usePending } from '../pending';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Make an account. */
export function SignUp({ email: known = '' }: { email?: string | undefined }) {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const { busy, failure, run } = useCall('email', 'password');
  const { back } = useNavigation();
  const goOn = usePending();
  const submit = () => run(async () => goOn(await latchkey.signUp({ email, password }), email));
  return (
    <Screen title="Create your account" lead="We send a code to your address to make sure it is yours." onBack={back}>
      <Notice failure={failure} />
      <Field kind="email" label="Email" name="email" value={email} onChange={setEmail} failure={failure} />
      <Field
        kind="new_password"
        label="Password"
        name="password"
        value={password}
        onChange={setPassword}
        failure={failure}
        hint="At least 8 characters. A few words are better than one."
        onSubmit={submit}
      />
      <Button label="Create account" busy={busy} onPress={submit} />
      <Button label="I have an account" look="plain" onPress={back} />
    </Screen>
  );
}
