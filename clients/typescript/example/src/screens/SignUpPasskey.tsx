import { finishPasskeySignUp } from '@latchkey-auth/client/passkeys';
import { useCall } from '../call';
import { latchkey } from '../latchkey';
import { useNavigation } from '../navigation';
import { passkeys } from '../passkeys';
import { usePending } from '../pending';
import { Button } from '../ui/Button';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

/** The last step of an account without a password: this device makes its passkey. */
export function SignUpPasskey() {
  const { busy, failure, run } = useCall();
  const { reset } = useNavigation();
  const goOn = usePending();
  const make = () => run(async () => passkeys && goOn(await finishPasskeySignUp(latchkey, passkeys), ''));
  return (
    <Screen title="Create your passkey" lead="Sign in with your fingerprint, your face or this device’s PIN. You won’t need a password." onBack={() => reset({ screen: 'sign_in' })}>
      <Notice failure={failure} />
      <Button label="Create the passkey" busy={busy} onPress={make} />
    </Screen>
  );
}
