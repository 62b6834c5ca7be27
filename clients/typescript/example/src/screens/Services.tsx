import { disconnectProviderAccount, getConfig, listProviderAccounts } from '@latchkey-auth/client/api';
import { connectProvider } from '@latchkey-auth/client/providers';
import { useState } from 'react';
import { repeated, useCall } from '../call';
import { client, dataOf, latchkey } from '../latchkey';
import { useLoaded } from '../loaded';
import { useNavigation } from '../navigation';
import { useReauthentication } from '../reauthentication';
import { identityBy, servicesOf, type Service } from '../services';
import { Button } from '../ui/Button';
import { Card, Row, RowAction } from '../ui/Card';
import { Loading } from '../ui/Loading';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Other services that sign in to this account. */
export function Services({ notice }: { notice?: string | undefined }) {
  const { reset } = useNavigation();
  const loaded = useLoaded(async () => {
    const [accounts, config] = await Promise.all([dataOf(listProviderAccounts({ client })), dataOf(getConfig({ client }))]);
    return { accounts: accounts.data, services: servicesOf(config.data) };
  });
  const { failure, run } = useCall();
  const reauthenticate = useReauthentication();
  const [said, say] = useState(notice);
  const connect = (service: Service) =>
    run(async () => {
      const identity = await identityBy(service);
      if (identity) {
        // Only this is repeated after a proof: the token can be sent again.
        await repeated(() => connectProvider(latchkey, identity).then(() => say(`${service.name} is connected.`)), reauthenticate);
        loaded.reload();
      }
    });
  const disconnect = (service: Service, account: string) =>
    run(async () => {
      await dataOf(disconnectProviderAccount({ client, body: { provider: service.id, account } }));
      loaded.reload();
      say(`${service.name} is disconnected.`);
    });
  return (
    <Screen title="Connected services" lead="Use these services to sign in to your account." onBack={() => reset({ screen: 'profile' })}>
      <Notice failure={failure ?? loaded.failure} text={said} />
      {loaded.failure && <Button label="Try again" look="outline" onPress={loaded.reload} />}
      {!loaded.value && !loaded.failure && <Loading />}
      {loaded.value && loaded.value.services.length === 0 && <Notice text="There are no other services here." />}
      {loaded.value && loaded.value.services.length > 0 && (
        <Card>
          {loaded.value.services.map((service) => {
            const account = loaded.value?.accounts.find(({ provider }) => provider.id === service.id);
            const action = account ? (
              <RowAction text="Disconnect" label={`Disconnect ${service.name}`} danger onPress={() => void disconnect(service, account.uid)} />
            ) : (
              <RowAction text="Connect" label={`Connect ${service.name}`} onPress={() => void connect(service)} />
            );
            return <Row key={service.id} title={service.name} detail={account ? account.display : 'Not connected'} end={action} />;
          })}
        </Card>
      )}
    </Screen>
  );
}
