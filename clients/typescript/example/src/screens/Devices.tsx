import { endSessions, listSessions, type SessionRecord } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, dataOf } from '../latchkey';
import { useLoaded } from '../loaded';
import { useNavigation } from '../navigation';
import { Button } from '../ui/Button';
import { Card, Row, RowAction } from '../ui/Card';
import { Loading } from '../ui/Loading';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

const platforms: Readonly<Record<string, string>> = { ios: 'iPhone or iPad', android: 'Android device', web: 'Web browser' };

/** Where the person is signed in. One device or all others can be signed out. */
export function Devices() {
  const { back } = useNavigation();
  const loaded = useLoaded(async () => (await dataOf(listSessions({ client }))).data);
  const { busy, failure, run } = useCall();
  const [said, say] = useState<string>();
  const end = (sessions: readonly SessionRecord[], sentence: string) =>
    run(async () => {
      loaded.set((await dataOf(endSessions({ client, body: { sessions: sessions.map(({ id }) => id) } }))).data);
      say(sentence);
    });
  const current = loaded.value?.filter((session) => session.is_current) ?? [];
  const others = loaded.value?.filter((session) => !session.is_current) ?? [];
  return (
    <Screen title="Devices" lead="These devices are signed in to your account. If you don’t recognize one, sign it out and change your password." onBack={back}>
      <Notice failure={failure ?? loaded.failure} text={said} />
      {loaded.failure && <Button label="Try again" look="outline" onPress={loaded.reload} />}
      {!loaded.value && !loaded.failure && <Loading />}
      {current.length > 0 && (
        <Card title="This device">
          {current.map((session) => (
            <Row key={session.id} title={nameOf(session)} detail={detailOf(session)} badge="Active now" />
          ))}
        </Card>
      )}
      {others.length > 0 && (
        <Card title="Other devices">
          {others.map((session) => (
            <Row
              key={session.id}
              title={nameOf(session)}
              detail={detailOf(session)}
              end={<RowAction text="Sign out" label={`Sign out ${nameOf(session)}`} danger onPress={() => void end([session], `${nameOf(session)} is signed out.`)} />}
            />
          ))}
        </Card>
      )}
      {others.length > 1 && <Button label="Sign out all others" look="outline" busy={busy} onPress={() => void end(others, 'All other devices are signed out.')} />}
    </Screen>
  );
}

function nameOf({ device_name, platform }: SessionRecord): string {
  return device_name || platforms[platform] || 'Another program';
}

/** From where and since when. */
function detailOf({ created_at, ip }: SessionRecord): string {
  const since = new Date(created_at * 1000);
  return `${ip}\nSigned in ${since.toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: 'numeric' })}`;
}
