import { LatchkeyProvider, useSession } from '@latchkey-auth/client/react';
import { StatusBar } from 'expo-status-bar';
import { SafeAreaProvider } from 'react-native-safe-area-context';
import { latchkey } from './latchkey';
import { NavigationProvider, useNavigation, type Route } from './navigation';
import { ReauthenticationProvider } from './reauthentication';
import { AddAddress } from './screens/AddAddress';
import { AddPasskey } from './screens/AddPasskey';
import { AddTotp } from './screens/AddTotp';
import { Addresses } from './screens/Addresses';
import { ChangePassword } from './screens/ChangePassword';
import { ConfirmCode } from './screens/ConfirmCode';
import { DeleteAccount } from './screens/DeleteAccount';
import { Devices } from './screens/Devices';
import { DisplayName } from './screens/DisplayName';
import { Factors } from './screens/Factors';
import { ForgotPassword } from './screens/ForgotPassword';
import { NewPassword } from './screens/NewPassword';
import { Profile } from './screens/Profile';
import { ProviderSignUp } from './screens/ProviderSignUp';
import { RecoveryCodes } from './screens/RecoveryCodes';
import { SecondFactor } from './screens/SecondFactor';
import { Services } from './screens/Services';
import { SignIn } from './screens/SignIn';
import { SignInByCode } from './screens/SignInByCode';
import { SignUp } from './screens/SignUp';
import { SignUpPasskey } from './screens/SignUpPasskey';
import { Undo } from './screens/Undo';
import { Loading } from './ui/Loading';
import { useUndoKey } from './undo-link';

const inside: Route = { screen: 'profile' };

/** The app. */
export function App() {
  return (
    <SafeAreaProvider>
      <StatusBar style="auto" />
      <LatchkeyProvider client={latchkey}>
        <Root />
      </LatchkeyProvider>
    </SafeAreaProvider>
  );
}

/** Who is signed in decides which screens there are; a change of that begins them anew. */
function Root() {
  const session = useSession();
  const [undoKey, forgetUndoKey] = useUndoKey();
  if (undoKey) {
    return <Undo linkKey={undoKey} onDone={forgetUndoKey} />;
  }
  if (session.state === 'unknown' || session.state === 'locked') {
    return <Loading />;
  }
  const root: Route = session.state === 'signed_in' ? inside : { screen: 'sign_in', notice: farewell(session.reason) };
  return (
    <NavigationProvider key={session.state} root={root}>
      <ReauthenticationProvider>
        <Shown />
      </ReauthenticationProvider>
    </NavigationProvider>
  );
}

function Shown() {
  const { route } = useNavigation();
  switch (route.screen) {
    case 'sign_in':
      return <SignIn email={route.email} notice={route.notice} />;
    case 'sign_up':
      return <SignUp email={route.email} />;
    case 'sign_in_by_code':
      return <SignInByCode email={route.email} />;
    case 'forgot_password':
      return <ForgotPassword email={route.email} />;
    case 'confirm_code':
      return <ConfirmCode purpose={route.purpose} email={route.email} />;
    case 'new_password':
      return <NewPassword code={route.code} email={route.email} />;
    case 'second_factor':
      return <SecondFactor types={route.types} />;
    case 'provider_sign_up':
      return <ProviderSignUp />;
    case 'sign_up_passkey':
      return <SignUpPasskey />;
    case 'profile':
      return <Profile notice={route.notice} />;
    case 'display_name':
      return <DisplayName />;
    case 'addresses':
      return <Addresses notice={route.notice} />;
    case 'add_address':
      return <AddAddress />;
    case 'devices':
      return <Devices />;
    case 'change_password':
      return <ChangePassword />;
    case 'factors':
      return <Factors notice={route.notice} />;
    case 'add_totp':
      return <AddTotp />;
    case 'add_passkey':
      return <AddPasskey />;
    case 'recovery_codes':
      return <RecoveryCodes fresh={route.fresh} />;
    case 'services':
      return <Services notice={route.notice} />;
    case 'delete_account':
      return <DeleteAccount />;
  }
}

/** Why the person is at the door again, in a sentence. */
function farewell(reason: string | undefined): string | undefined {
  switch (reason) {
    case undefined:
      return undefined;
    case 'user':
      return 'You are signed out.';
    case 'account_deleted':
      return 'Your account is closed. Until it is deleted for good, signing in brings it back.';
    case 'password_changed':
      return 'Your password was changed. Sign in with the new one.';
    case 'account_disabled':
      return 'This account is disabled.';
    default:
      return 'Your session has ended. Sign in again.';
  }
}
