import { getConfig } from '@latchkey-auth/client/api';
import { signUpWithPasskey } from '@latchkey-auth/client/passkeys';
import { useState } from 'react';
import { useCall } from '../call';
import { client, dataOf, latchkey } from '../latchkey';
import { useLoaded } from '../loaded';
import { useNavigation } from '../navigation';
import { passkeys } from '../passkeys';
import { usePending } from '../pending';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Make an account, with a password or with a passkey in its place. */
export function SignUp({ email: known = '' }: { email?: string | undefined }) {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const { busy, failure, run } = useCall('email', 'password');
  const byPasskey = useCall('email');
  const { value: config } = useLoaded(async () => (await dataOf(getConfig({ client }))).data);
  const { back } = useNavigation();
  const goOn = usePending();
  const submit = () => run(async () => goOn(await latchkey.signUp({ email, password }), email));
  const withPasskey = () => byPasskey.run(async () => goOn(await signUpWithPasskey(latchkey, { email }), email));
  return (
    <Screen title="Create your account" lead="We’ll send a code to your address to make sure it’s yours." onBack={back}>
      <Notice failure={failure ?? byPasskey.failure} />
      <Field kind="email" label="Email" name="email" value={email} onChange={setEmail} failure={failure ?? byPasskey.failure} />
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
      {passkeys && config?.mfa?.passkey_login_enabled && <Button label="Use a passkey instead of a password" look="outline" busy={byPasskey.busy} onPress={withPasskey} />}
      <Button label="I already have an account" look="plain" onPress={back} />
    </Screen>
  );
}
