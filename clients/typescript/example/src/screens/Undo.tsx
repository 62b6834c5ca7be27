import { getAccountUndo, resetPassword, undoAccountChanges, type AccountChange, type AccountUndone } from '@latchkey-auth/client/api';
import { useState } from 'react';
import { useCall } from '../call';
import { client, dataOf, latchkey } from '../latchkey';
import { useLoaded } from '../loaded';
import { endsFlow } from '../pending';
import { Button } from '../ui/Button';
import { Card, Row } from '../ui/Card';
import { Field } from '../ui/Field';
import { Loading } from '../ui/Loading';
import { Notice } from '../ui/Notice';
import { Screen } from '../ui/Screen';

const changes: Readonly<Record<string, string>> = {
  email_added: 'Address added',
  email_changed: 'Primary address changed',
  email_confirmed: 'Address verified',
  email_deleted: 'Address removed',
  password_changed: 'Password changed',
  password_reset: 'Password reset',
  password_set: 'Password set',
  phone_added: 'Number added',
  phone_changed: 'Number changed',
  provider_connected: 'Service connected',
  provider_disconnected: 'Service disconnected',
  recovery_codes_generated: 'Recovery codes created',
  totp_activated: 'Authenticator app added',
  totp_deactivated: 'Authenticator app removed',
  webauthn_added: 'Passkey added',
  webauthn_removed: 'Passkey removed',
};

const warning = 'This takes the changes back, signs out every device, and removes the password and the authenticator app. You set a new password after that.';

/** A message said that a way into the account has changed, and its link was opened: undo it. Who has the link needs no session. */
export function Undo({ linkKey, onDone }: { linkKey: string; onDone: () => void }) {
  const loaded = useLoaded(async () => (await dataOf(getAccountUndo({ client, headers: { 'X-Account-Undo-Key': linkKey } }))).data);
  const [undone, setUndone] = useState<AccountUndone>();
  const { busy, failure, run } = useCall();
  const undo = () =>
    run(async () => {
      setUndone((await dataOf(undoAccountChanges({ client, body: { key: linkKey } }))).data);
      await latchkey.refresh().catch(() => undefined); // it has ended all sessions, this one too
    });
  if (undone) {
    return <Undone undone={undone} onDone={onDone} />;
  }
  return (
    <Screen title="Was this not you?" lead={loaded.value && `Changes to the account ${loaded.value.account}. ${warning}`} onBack={onDone}>
      <Notice failure={failure ?? loaded.failure} />
      {!loaded.value && !loaded.failure && <Loading />}
      {loaded.value && (
        <>
          <Card>
            {loaded.value.changes.map((change) => (
              <Row key={`${change.change} ${change.at}`} title={changes[change.change] ?? 'Another change'} detail={detailOf(change)} />
            ))}
          </Card>
          <Button label="Undo the changes" look="danger" busy={busy} onPress={undo} />
          <Button label="It was me" look="plain" onPress={onDone} />
        </>
      )}
    </Screen>
  );
}

/** The account is as it was: a new password is set by the code that was mailed. */
function Undone({ undone, onDone }: { undone: AccountUndone; onDone: () => void }) {
  const [code, setCode] = useState('');
  const [password, setPassword] = useState('');
  const { busy, failure, run } = useCall('key', 'password');
  const byCode = undone.password_reset === 'code';
  const submit = () =>
    run(async () => {
      await endsFlow(latchkey.complete(resetPassword({ client, body: { key: code, password } })));
      onDone();
    });
  const lead = byCode ? `Set a new password now, with the code that we sent to ${undone.reset_email ?? 'your address'}.` : 'Set a new password now: "Forgot password?" on the next screen sends you a code.';
  return (
    <Screen title="The changes are undone" lead={lead}>
      <Notice failure={failure} />
      {byCode && <Field kind="code" label="Code" name="key" value={code} onChange={setCode} failure={failure} />}
      {byCode && <Field kind="new_password" label="New password" name="password" value={password} onChange={setPassword} failure={failure} onSubmit={submit} />}
      {byCode && <Button label="Set password" busy={busy} onPress={submit} />}
      <Button label={byCode ? 'Later' : 'Continue'} look={byCode ? 'plain' : 'filled'} onPress={onDone} />
    </Screen>
  );
}

function detailOf({ at, platform, network }: AccountChange): string {
  const when = new Date(at * 1000).toLocaleString(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
  return [when, platform, network].filter(Boolean).join(' · ');
}
