import { completeProviderSignup } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { usePending } from '../pending';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

const lead =
  'There is no account for this sign-in yet. Choose an address for a new one. If you already have an account, go back, sign in, and connect the service there.';

/** The service told no address that is free: ask for one. */
export function ProviderSignUp() {
  const [email, setEmail] = useState('');
  const { busy, failure, run } = useCall('email');
  const { reset } = useNavigation();
  const goOn = usePending();
  const submit = () => run(async () => goOn(await latchkey.complete(completeProviderSignup({ client, body: { email } })), email));
  return (
    <Screen title="Almost there" lead={lead} onBack={() => reset({ screen: 'sign_in' })}>
      <Notice failure={failure} />
      <Field kind="email" label="Email" name="email" value={email} onChange={setEmail} failure={failure} onSubmit={submit} />
      <Button label="Create account" busy={busy} onPress={submit} />
    </Screen>
  );
}
