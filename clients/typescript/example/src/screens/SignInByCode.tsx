import { requestLoginCode } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { usePending } from '../pending';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Ask for a code that signs in without the password. */
export function SignInByCode({ email: known = '' }: { email?: string | undefined }) {
  const [email, setEmail] = useState(known);
  const { busy, failure, run } = useCall('email');
  const { back } = useNavigation();
  const goOn = usePending();
  const submit = () => run(async () => goOn(await latchkey.complete(requestLoginCode({ client, body: { email } })), email));
  return (
    <Screen title="Sign in by code" lead="We’ll email you a code that works once, in place of your password." onBack={back}>
      <Notice failure={failure} />
      <Field kind="email" label="Email" name="email" value={email} onChange={setEmail} failure={failure} onSubmit={submit} />
      <Button label="Send the code" busy={busy} onPress={submit} />
    </Screen>
  );
}
