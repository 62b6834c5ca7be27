import { useState } from 'react';
import { View } from 'react-native';
import { useCall } from '../call';
import { latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { usePending } from '../pending';
import { Button } from '../ui/Button';
import { Divider } from '../ui/Divider';
import { Field } from '../ui/Field';
import { Link } from '../ui/Link';
import { Mark } from '../ui/Mark';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Sign in with a password. */
export function SignIn({ email: known = '', notice }: { email?: string | undefined; notice?: string | undefined }) {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const { busy, failure, run } = useCall('email', 'password');
  const { push } = useNavigation();
  const goOn = usePending();
  const submit = () => run(async () => goOn(await latchkey.signIn({ email, password }), email));
  return (
    <Screen title="Welcome back" lead="Sign in to your account." top={<Mark />}>
      <Notice failure={failure} text={notice} />
      <Field kind="email" label="Email" name="email" value={email} onChange={setEmail} failure={failure} />
      <View>
        <Field kind="current_password" label="Password" name="password" value={password} onChange={setPassword} failure={failure} onSubmit={submit} />
        <Link label="Forgot password?" onPress={() => push({ screen: 'forgot_password', email })} />
      </View>
      <View>
        <Button label="Sign in" busy={busy} onPress={submit} />
        <Divider text="or" />
        <Button label="Email me a code" look="outline" onPress={() => push({ screen: 'sign_in_by_code', email })} />
      </View>
      <Button label="New here? Create an account" look="plain" onPress={() => push({ screen: 'sign_up', email })} />
    </Screen>
  );
}
