import { activateTotp } from '@latchkey-auth/client/api';
import { setUpTotp } from '@latchkey-auth/client/second-factor';
import { useState } from 'react';
import { Linking } from 'react-native';
import { useCall } from '../call';
import { copy, copyLabel } from '../copy';
import { client, dataOf, latchkey } from '../latchkey';
import { useLoaded } from '../loaded';
import { useNavigation } from '../navigation';
import { Button } from '../ui/Button';
import { Card } from '../ui/Card';
import { Field } from '../ui/Field';
import { Loading } from '../ui/Loading';
import { Notice } from '../ui/Notice';
import { QrCode } from '../ui/QrCode';
import { Screen } from '../ui/Screen';
import { Secret } from '../ui/Secret';

/** Set up an authenticator app: it gets a secret, and shows a code that proves it. */
export function AddTotp() {
  const loaded = useLoaded(async () => {
    const setup = await setUpTotp(latchkey);
    return setup ?? { secret: '', url: '' };
  });
  const [code, setCode] = useState('');
  const [said, say] = useState<string>();
  const { busy, failure, run } = useCall('code');
  const { back, reset } = useNavigation();
  const submit = () =>
    run(async () => {
      const { meta } = await dataOf(activateTotp({ client, body: { code } }));
      const done = { screen: 'factors', notice: 'Your authenticator app is set up.' } as const;
      reset({ screen: 'profile' }, done, ...(meta?.recovery_codes_generated ? [{ screen: 'recovery_codes', fresh: true } as const] : []));
    });
  const copied = async (secret: string) => say((await copy(secret)) ? 'The key is copied.' : undefined);
  const { secret, url } = loaded.value ?? {};
  return (
    <Screen title="Authenticator app" lead="Scan the QR code with your authenticator app, or enter the key there. Then enter the code that the app shows." onBack={back}>
      <Notice failure={failure ?? loaded.failure} text={secret === '' ? 'There is an authenticator app already.' : said} />
      {loaded.failure && <Button label="Try again" look="outline" onPress={loaded.reload} />}
      {!loaded.value && !loaded.failure && <Loading />}
      {secret && url && (
        <>
          <QrCode label="QR code for the authenticator app" text={url} />
          <Card title="Key">
            <Secret label="Key" lines={[(secret.match(/.{1,4}/g) ?? []).join(' ')]} />
          </Card>
          <Button label={`${copyLabel} the key`} look="outline" onPress={() => void copied(secret)} />
          <Button label="Open an authenticator app" look="plain" onPress={() => void run(() => Linking.openURL(url))} />
          <Field kind="code" label="Code" name="code" value={code} onChange={setCode} failure={failure} onSubmit={submit} />
          <Button label="Turn on" busy={busy} onPress={submit} />
        </>
      )}
    </Screen>
  );
}
