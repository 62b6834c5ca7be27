import { requestPasswordReset } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { usePending } from '../pending';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Ask for a code that allows a new password. */
export function ForgotPassword({ email: known = '' }: { email?: string | undefined }) {
  const [email, setEmail] = useState(known);
  const [sent, setSent] = useState(false);
  const { busy, failure, run } = useCall('email');
  const { back } = useNavigation();
  const goOn = usePending();
  const submit = () =>
    run(async () => {
      const result = await latchkey.complete(requestPasswordReset({ client, body: { email } }));
      setSent(result.kind === 'done'); // the server mails links: the person goes on in the mail
      goOn(result, email);
    });
  return (
    <Screen title="Forgot your password?" lead="Enter your email address, and we’ll send you a code to set a new password." onBack={back}>
      <Notice failure={failure} text={sent ? 'Look into your mail: a link there sets a new password.' : undefined} />
      <Field kind="email" label="Email" name="email" value={email} onChange={setEmail} failure={failure} onSubmit={submit} />
      <Button label="Send the code" busy={busy} onPress={submit} />
    </Screen>
  );
}
