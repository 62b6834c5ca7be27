import { deactivateTotp, getConfig, listAuthenticators, removeCredentials, type Authenticator } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, dataOf } from '../latchkey';
import { useLoaded } from '../loaded';
import { useNavigation } from '../navigation';
import { passkeys } from '../passkeys';
import { Button } from '../ui/Button';
import { Card, Row, RowAction } from '../ui/Card';
import { Loading } from '../ui/Loading';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

const lead = 'A second step after your password keeps others out, even if they know it.';

/** The person's authenticator app, passkeys and recovery codes. */
export function Factors({ notice }: { notice?: string | undefined }) {
  const { push, reset } = useNavigation();
  const loaded = useLoaded(async () => {
    const [list, config] = await Promise.all([dataOf(listAuthenticators({ client })), dataOf(getConfig({ client }))]);
    return { list: list.data, offered: config.data.mfa?.supported_types ?? [] };
  });
  const { failure, run } = useCall();
  const [said, say] = useState(notice);
  const remove = (change: () => Promise<unknown>, sentence: string) =>
    run(async () => {
      say(undefined);
      await change();
      loaded.reload();
      say(sentence);
    });
  const { list = [], offered = [] } = loaded.value ?? {};
  const totp = list.find(({ type }) => type === 'totp');
  const codes = list.find(({ type }) => type === 'recovery_codes');
  const keys = list.filter(({ type }) => type === 'webauthn');
  const turnOff = () => void remove(() => dataOf(deactivateTotp({ client })), 'The authenticator app is off.');
  const removeKey = ({ id = 0, name }: Authenticator) =>
    void remove(() => dataOf(removeCredentials({ client, body: { authenticators: [id] } })), `${name} is removed.`);
  return (
    <Screen title="Two-step sign-in" lead={lead} onBack={() => reset({ screen: 'profile' })}>
      <Notice failure={failure ?? loaded.failure} text={said} />
      {loaded.failure && <Button label="Try again" look="outline" onPress={loaded.reload} />}
      {!loaded.value && !loaded.failure && <Loading />}
      {totp && (
        <Card title="Authenticator app">
          <Row title="Codes" badge="On" detail={usedOf(totp)} end={<RowAction text="Turn off" label="Turn off the authenticator app" danger onPress={turnOff} />} />
        </Card>
      )}
      {keys.length > 0 && (
        <Card title="Passkeys">
          {keys.map((key) => (
            <Row
              key={key.id}
              title={key.name ?? 'Passkey'}
              badge={key.is_passwordless ? undefined : 'Second factor only'}
              detail={usedOf(key)}
              end={<RowAction text="Remove" label={`Remove ${key.name}`} danger onPress={() => removeKey(key)} />}
            />
          ))}
        </Card>
      )}
      {codes && (
        <Card title="If you lose them">
          <Row title="Recovery codes" detail={`${codes.unused_code_count} of ${codes.total_code_count} left`} onPress={() => push({ screen: 'recovery_codes', fresh: false })} />
        </Card>
      )}
      {loaded.value && !totp && offered.includes('totp') && <Button label="Set up an authenticator app" onPress={() => push({ screen: 'add_totp' })} />}
      {loaded.value && passkeys && offered.includes('webauthn') && <Button label="Add a passkey" look={totp ? 'filled' : 'outline'} onPress={() => push({ screen: 'add_passkey' })} />}
    </Screen>
  );
}

function usedOf({ created_at, last_used_at }: Authenticator): string {
  const day = (at: number) => new Date(at * 1000).toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
  return last_used_at ? `Last used ${day(last_used_at)}` : `Added ${day(created_at)}`;
}
