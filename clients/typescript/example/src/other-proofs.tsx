import type { Flow } from '@latchkey-auth/client';
import { getConfig } from '@latchkey-auth/client/api';
import { reauthenticateWithProvider } from '@latchkey-auth/client/providers';
import { reauthenticateWithSentCode, sendReauthenticationCode } from '@latchkey-auth/client/second-factor';
import { useEffect, useState } from 'react';
import { failureOf, type Failure } from './failure';
import { client, dataOf, latchkey } from './latchkey';
import { identityBy, servicesOf, type Service } from './services';
import { Button } from './ui/Button';
import { Field } from './ui/Field';
import { Notice } from './ui/Notice';
import { Screen } from './ui/Screen';

const leads = {
  none: 'Sign out and sign in again, then repeat this within five minutes.',
  ask: 'Choose how to prove it.',
  sent: 'Enter the code that we have sent you.',
};

/** Asks an account with neither password nor second factor for a proof. */
export function OtherProofs({ flows, close }: { flows: readonly Flow[]; close: (accepted: boolean) => void }) {
  const byCode = flows.some(({ id }) => id === 'reauthenticate_by_code');
  const providers = flows.find(({ id }) => id === 'provider_reauthenticate')?.providers ?? [];
  const [services, setServices] = useState<Service[]>([]);
  const [sent, setSent] = useState(false);
  const [code, setCode] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();

  useEffect(() => {
    dataOf(getConfig({ client })).then(
      ({ data }) => setServices(servicesOf(data).filter(({ id }) => providers.includes(id))),
      (error: unknown) => setFailure(failureOf(error, [])),
    );
    // Only opening counts.
  }, []);

  const run = async (task: () => Promise<boolean>) => {
    setBusy(true);
    setFailure(undefined);
    try {
      if (await task()) {
        close(true);
      }
    } catch (error) {
      setFailure(failureOf(error, ['code']));
    } finally {
      setBusy(false);
    }
  };
  const send = () =>
    run(async () => {
      await sendReauthenticationCode(latchkey);
      setSent(true);
      return false;
    });
  const confirm = () =>
    run(async () => {
      await reauthenticateWithSentCode(latchkey, code);
      return true;
    });
  const ask = (service: Service) =>
    run(async () => {
      const identity = await identityBy(service, 'reauthenticate');
      if (identity) {
        await reauthenticateWithProvider(latchkey, identity);
      }
      return identity !== undefined;
    });

  const lead = sent ? leads.sent : byCode || providers.length > 0 ? leads.ask : leads.none;
  return (
    <Screen title="Is it you?" lead={lead} onBack={() => close(false)}>
      <Notice failure={failure} />
      {sent && <Field kind="code" label="Code" name="code" value={code} onChange={setCode} failure={failure} onSubmit={confirm} />}
      {sent && <Button label="Continue" busy={busy} onPress={confirm} />}
      {services.map((service) => (
        <Button key={service.id} label={`Continue with ${service.name}`} look="outline" busy={busy} onPress={() => void ask(service)} />
      ))}
      {byCode && <Button label={sent ? 'Send another code' : 'Send me a code'} look="outline" busy={busy} onPress={send} />}
      <Button label="Cancel" look="plain" onPress={() => close(false)} />
    </Screen>
  );
}
