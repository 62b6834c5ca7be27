import { addEmailAddress } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, dataOf } from '../latchkey';
import { useNavigation } from '../navigation';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Add an address, which has to be confirmed. */
export function AddAddress() {
  const [email, setEmail] = useState('');
  const { busy, failure, run } = useCall('email');
  const { back, push } = useNavigation();
  const submit = () =>
    run(async () => {
      await dataOf(addEmailAddress({ client, body: { email } }));
      push({ screen: 'confirm_code', purpose: 'verify_address', email });
    });
  return (
    <Screen title="Add an address" lead="We’ll send a code there to make sure it’s yours." onBack={back}>
      <Notice failure={failure} />
      <Field kind="email" label="Email" name="email" value={email} onChange={setEmail} failure={failure} onSubmit={submit} />
      <Button label="Add address" busy={busy} onPress={submit} />
    </Screen>
  );
}
