import { updateProfile } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, dataOf } from '../latchkey';
import { useNavigation } from '../navigation';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Change the name that others see. */
export function DisplayName() {
  const [display, setDisplay] = useState('');
  const { busy, failure, run } = useCall('display');
  const { back, reset } = useNavigation();
  const submit = () =>
    run(async () => {
      await dataOf(updateProfile({ client, body: { display } }));
      reset({ screen: 'profile', notice: 'Your name is saved.' });
    });
  return (
    <Screen title="Your name" lead="What should we call you?" onBack={back}>
      <Notice failure={failure} />
      <Field kind="name" label="Name" name="display" value={display} onChange={setDisplay} failure={failure} onSubmit={submit} />
      <Button label="Save" busy={busy} onPress={submit} />
    </Screen>
  );
}
