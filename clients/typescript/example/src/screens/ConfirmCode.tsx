import { useState } from 'react';
import { useCall } from '../call';
import { codeSteps } from '../code-steps';
import { useNavigation, type CodePurpose } from '../navigation';
import { usePending } from '../pending';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Type in the code that was mailed to `email`, which is empty where another service told it. */
export function ConfirmCode({ purpose, email }: { purpose: CodePurpose; email: string }) {
  const step = codeSteps[purpose];
  const [code, setCode] = useState('');
  const [sent, setSent] = useState(false);
  const confirming = useCall(step.param);
  const resending = useCall();
  const { back, push, reset } = useNavigation();
  const goOn = usePending();
  const submit = () =>
    confirming.run(async () => {
      setSent(false);
      const result = await step.confirm(code);
      if (purpose === 'password_reset_by_code') {
        push({ screen: 'new_password', code, email });
      } else if (purpose === 'verify_address') {
        reset({ screen: 'profile' }, { screen: 'addresses', notice: `${email} is verified.` });
      } else {
        goOn(result, email);
      }
    });
  const resend = () =>
    resending.run(async () => {
      setSent(false);
      await step.resend(email);
      setSent(true);
    });
  return (
    <Screen title={step.title} lead={`We sent a code to ${email || 'your address'}.`} onBack={back}>
      <Notice failure={confirming.failure ?? resending.failure} text={sent ? 'A new code is on its way.' : undefined} />
      <Field kind="code" label="Code" name={step.param} value={code} onChange={setCode} failure={confirming.failure} onSubmit={submit} />
      <Button label={step.button} busy={confirming.busy} onPress={submit} />
      <Button label="Send another code" look="plain" busy={resending.busy} onPress={resend} />
    </Screen>
  );
}
