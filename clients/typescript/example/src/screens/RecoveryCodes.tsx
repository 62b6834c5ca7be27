import { generateRecoveryCodes, getRecoveryCodes } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { copy, copyLabel } from '../copy';
import { client, dataOf } from '../latchkey';
import { useLoaded } from '../loaded';
import { useNavigation } from '../navigation';
import { Button } from '../ui/Button';
import { Card } from '../ui/Card';
import { Loading } from '../ui/Loading';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';
import { Secret } from '../ui/Secret';

const lead = 'Use one to sign in if you lose your phone or security key. Each code works once. Store them somewhere safe.';

/** The codes for when everything else is lost; `fresh` where they were made just now. */
export function RecoveryCodes({ fresh }: { fresh: boolean }) {
  const loaded = useLoaded(async () => (await dataOf(getRecoveryCodes({ client }))).data);
  const { busy, failure, run } = useCall();
  const [said, say] = useState<string | undefined>(fresh ? 'Two-step sign-in is on. Save these codes.' : undefined);
  const { back } = useNavigation();
  const codes = loaded.value?.unused_codes ?? [];
  const copied = async () => say((await copy(codes.join('\n'))) ? 'The codes are copied.' : 'They could not be copied: write them down.');
  const renew = () =>
    run(async () => {
      loaded.set((await dataOf(generateRecoveryCodes({ client }))).data);
      say('These are new. The old ones do not work any more.');
    });
  return (
    <Screen title="Recovery codes" lead={lead} onBack={fresh ? undefined : back}>
      <Notice failure={failure ?? loaded.failure} text={said} />
      {loaded.failure && <Button label="Try again" look="outline" onPress={loaded.reload} />}
      {!loaded.value && !loaded.failure && <Loading />}
      {codes.length > 0 && (
        <Card>
          <Secret label="Recovery codes" lines={codes.map((code) => code.replace(/(.{4})(?=.)/g, '$1-'))} />
        </Card>
      )}
      {loaded.value && codes.length === 0 && <Notice text="Codes are shown only when they are made." />}
      {codes.length > 0 && <Button label={`${copyLabel} the codes`} look={fresh ? 'outline' : 'filled'} onPress={() => void copied()} />}
      {fresh ? <Button label="I saved my codes" onPress={back} /> : <Button label="Create new codes" look="warning" busy={busy} onPress={renew} />}
    </Screen>
  );
}
