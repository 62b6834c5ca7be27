import {
  changePrimaryEmailAddress,
  listEmailAddresses,
  removeEmailAddress,
  resendEmailAddressVerification,
  type EmailAddress,
} from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, dataOf } from '../latchkey';
import { useLoaded } from '../loaded';
import { useNavigation } from '../navigation';
import { Button } from '../ui/Button';
import { Card, Row, RowAction, RowActions } from '../ui/Card';
import { Loading } from '../ui/Loading';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** The person's addresses: add, confirm, make primary, remove. */
export function Addresses({ notice }: { notice?: string | undefined }) {
  const { push, reset } = useNavigation();
  const loaded = useLoaded(async () => (await dataOf(listEmailAddresses({ client }))).data);
  const { failure, run } = useCall();
  const [said, say] = useState(notice);
  const makePrimary = (email: string) =>
    run(async () => {
      loaded.set((await dataOf(changePrimaryEmailAddress({ client, body: { email, primary: true } }))).data);
      say(`Mails go to ${email} now.`);
    });
  const remove = (email: string) =>
    run(async () => {
      loaded.set((await dataOf(removeEmailAddress({ client, body: { email } }))).data);
      say(`${email} is removed.`);
    });
  const verify = (email: string) =>
    run(async () => {
      await dataOf(resendEmailAddressVerification({ client, body: { email } }));
      push({ screen: 'confirm_code', purpose: 'verify_address', email });
    });
  return (
    <Screen title="Email addresses" lead="We send emails to your primary address. You can sign in with any verified address." onBack={() => reset({ screen: 'profile' })}>
      <Notice failure={failure ?? loaded.failure} text={said} />
      {loaded.failure && <Button label="Try again" look="outline" onPress={loaded.reload} />}
      {!loaded.value && !loaded.failure && <Loading />}
      {loaded.value && (
        <Card>
          {loaded.value.map((address) => (
            <Row key={address.email} title={address.email} badge={address.primary ? 'Primary' : undefined} detail={address.verified ? 'Verified' : 'Not verified yet'}>
              {!address.primary && <Actions address={address} onPrimary={makePrimary} onRemove={remove} onVerify={verify} />}
            </Row>
          ))}
        </Card>
      )}
      <Button label="Add an address" onPress={() => push({ screen: 'add_address' })} />
    </Screen>
  );
}

interface ActionProps {
  address: EmailAddress;
  onPrimary: (email: string) => void;
  onRemove: (email: string) => void;
  onVerify: (email: string) => void;
}

function Actions({ address: { email, verified }, onPrimary, onRemove, onVerify }: ActionProps) {
  return (
    <RowActions>
      {verified ? (
        <RowAction text="Make primary" label={`Make ${email} primary`} onPress={() => onPrimary(email)} />
      ) : (
        <RowAction text="Verify" label={`Verify ${email}`} onPress={() => onVerify(email)} />
      )}
      <RowAction text="Remove" label={`Remove ${email}`} danger onPress={() => onRemove(email)} />
    </RowActions>
  );
}
