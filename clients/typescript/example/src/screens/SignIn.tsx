import { getConfig } from '@latchkey-auth/client/api';
import { signInWithPasskey } from '@latchkey-auth/client/passkeys';
import { signInWithProvider } from '@latchkey-auth/client/providers';
import { useState } from 'react';
import { StyleSheet, View } from 'react-native';
import { useCall } from '../call';
import { client, dataOf, latchkey } from '../latchkey';
import { useLoaded } from '../loaded';
import { useNavigation } from '../navigation';
import { passkeys } from '../passkeys';
import { usePending } from '../pending';
import { identityBy, servicesOf, type Service } from '../services';
import { space } from '../theme';
import { Button } from '../ui/Button';
import { Divider } from '../ui/Divider';
import { Field } from '../ui/Field';
import { Link } from '../ui/Link';
import { Mark } from '../ui/Mark';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Sign in with a password, a passkey or another service. */
export function SignIn({ email: known = '', notice }: { email?: string | undefined; notice?: string | undefined }) {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const { busy, failure, run } = useCall('email', 'password');
  const others = useCall();
  const [way, setWay] = useState('passkey'); // which of the others was tapped last
  const { value: config } = useLoaded(async () => (await dataOf(getConfig({ client }))).data); // without it there are fewer ways
  const { push } = useNavigation();
  const goOn = usePending();
  const submit = () => run(async () => goOn(await latchkey.signIn({ email, password }), email));
  const withPasskey = () =>
    others.run(async () => {
      setWay('passkey');
      return passkeys && goOn(await signInWithPasskey(latchkey, passkeys), email);
    });
  const withService = (service: Service) =>
    others.run(async () => {
      setWay(service.id);
      const identity = await identityBy(service);
      return identity && goOn(await signInWithProvider(latchkey, identity), email);
    });
  return (
    <Screen title="Welcome back" lead="Sign in to your account." top={<Mark />}>
      <Notice failure={failure ?? others.failure} text={notice} />
      <Field kind="email" label="Email" name="email" value={email} onChange={setEmail} failure={failure} />
      <View>
        <Field kind="current_password" label="Password" name="password" value={password} onChange={setPassword} failure={failure} onSubmit={submit} />
        <Link label="Forgot password?" onPress={() => push({ screen: 'forgot_password', email })} />
      </View>
      <View>
        <Button label="Sign in" busy={busy} onPress={submit} />
        <Divider text="or" />
        <View style={styles.ways}>
          {passkeys && config?.mfa?.passkey_login_enabled && <Button label="Sign in with a passkey" look="outline" busy={others.busy && way === 'passkey'} onPress={withPasskey} />}
          {servicesOf(config).map((service) => (
            <Button key={service.id} label={`Sign in with ${service.name}`} look="outline" busy={others.busy && way === service.id} onPress={() => void withService(service)} />
          ))}
          <Button label="Email me a code" look="outline" onPress={() => push({ screen: 'sign_in_by_code', email })} />
        </View>
      </View>
      <Button label="New here? Create an account" look="plain" onPress={() => push({ screen: 'sign_up', email })} />
    </Screen>
  );
}

const styles = StyleSheet.create({ ways: { gap: space.m } });
