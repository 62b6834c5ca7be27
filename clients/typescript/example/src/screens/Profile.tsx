import { getProfile } from '@latchkey-auth/client/api';
import { StyleSheet, Text, View } from 'react-native';
import { useCall } from '../call';
import { client, dataOf, latchkey } from '../latchkey';
import { useLoaded } from '../loaded';
import { useNavigation } from '../navigation';
import { useColours } from '../theme';
import { Button } from '../ui/Button';
import { Card, Row } from '../ui/Card';
import { Loading } from '../ui/Loading';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** Who is signed in, and the way to everything about the account. */
export function Profile({ notice }: { notice?: string | undefined }) {
  const { push } = useNavigation();
  const { value: profile, failure, reload } = useLoaded(() => dataOf(getProfile({ client })));
  const leaving = useCall();
  const address = profile?.email ?? 'No address';
  return (
    <Screen title={profile?.display ?? 'Your account'} lead={profile ? address : undefined} beside={profile && <Avatar name={profile.display} />}>
      <Notice failure={failure ?? leaving.failure} text={notice} />
      {failure && <Button label="Try again" look="outline" onPress={reload} />}
      {!profile && !failure && <Loading />}
      {profile && (
        <Card title="Profile">
          <Row title="Name" detail={profile.display} onPress={() => push({ screen: 'display_name' })} />
          <Row
            title="Email addresses"
            detail={address}
            badge={profile.email_verified ? 'Verified' : 'Not verified'}
            onPress={() => push({ screen: 'addresses' })}
          />
        </Card>
      )}
      <Card title="Security">
        <Row title="Password" detail="Change your password" onPress={() => push({ screen: 'change_password' })} />
        <Row title="Two-step sign-in" detail="Authenticator app and passkeys" onPress={() => push({ screen: 'factors' })} />
        <Row title="Connected services" detail="Apple, Google" onPress={() => push({ screen: 'services' })} />
        <Row title="Devices" detail="Where you are signed in" onPress={() => push({ screen: 'devices' })} />
      </Card>
      <Button label="Sign out" look="outline" busy={leaving.busy} onPress={() => void leaving.run(() => latchkey.signOut())} />
      <Button label="Delete account" look="warning" onPress={() => push({ screen: 'delete_account' })} />
    </Screen>
  );
}

function Avatar({ name }: { name: string }) {
  const colours = useColours();
  return (
    <View aria-hidden style={[styles.avatar, { backgroundColor: colours.accentSoft }]}>
      <Text style={[styles.initial, { color: colours.accent }]}>{name.slice(0, 1).toUpperCase()}</Text>
    </View>
  );
}

const styles = StyleSheet.create({
  avatar: { width: 64, height: 64, borderRadius: 32, alignItems: 'center', justifyContent: 'center' },
  initial: { fontSize: 26, fontWeight: '600' },
});
