// Against the real server: LATCHKEY_BIN names the program, LATCHKEY_URL a server that runs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { activateTotp, apiClient, endSessions, getConfig, getRecoveryCodes, getSession, listProviderAccounts, listSessions, updateProfile } from '../src/api.js';
import { createLatchkey, memoryStorage, type Latchkey } from '../src/index.js';
import { connectProvider, providerNonce, signInWithProvider, type ProviderIdentity } from '../src/providers.js';
import { setUpTotp, submitSecondFactorCode } from '../src/second-factor.js';
import { startDev, type DevServer } from './dev-server.js';
import { StillClock } from './stand-in/clock.js';
import { profile, Store } from './stand-in/device.js';
import { totp } from './stand-in/totp.js';

process.env['NO_PROXY'] = '*';
const { LATCHKEY_URL: running } = process.env;

let server: Pick<DevServer, 'url' | 'stop'>;
let people = 0;

before(async () => {
  // A half minute may end while a test shows its code.
  server = running ? { url: running, stop: async () => undefined } : await startDev({ MFA_TOTP_TOLERANCE: '1' });
});

after(() => server?.stop());

/** A new person, signed up on this device. */
async function signedUp(store = new Store()): Promise<{ latchkey: Latchkey; clock: StillClock; store: Store; email: string; password: string }> {
  const clock = new StillClock();
  const latchkey = createLatchkey({ baseUrl: server.url, storage: store, clock, deviceName: 'Test phone' });
  const email = `ts+${process.pid}-${Date.now()}-${people++}@example.com`;
  const password = 'a long enough password';
  const result = await latchkey.signUp({ email, password });
  assert.equal(result.kind, 'signed_in');
  return { latchkey, clock, store, email, password };
}

test('signs up, reads and changes the profile, and sees the device', async () => {
  const { latchkey, email } = await signedUp();
  const client = apiClient(latchkey);
  const answer = await latchkey.fetch(profile);
  assert.equal(((await answer.json()) as { email: string }).email, email);
  assert.equal((await updateProfile({ client, body: { display: 'Ada' } })).data?.display, 'Ada');
  const sessions = await listSessions({ client });
  assert.deepEqual(sessions.data?.data.map((session) => [session.device_name, session.is_current]), [['Test phone', true]]);
  const current = await latchkey.complete(getSession({ client }));
  assert.equal(current.kind, 'signed_in');
});

test('refreshes for 50 requests once, twenty times over, and stays signed in', async () => {
  const { latchkey, clock, store } = await signedUp();
  for (let round = 0; round < 20; round++) {
    await clock.advance(301);
    const before = store.done.filter((done) => done.startsWith('write slot')).length;
    const answers = await Promise.all(Array.from({ length: 50 }, () => latchkey.fetch(profile)));
    assert.ok(answers.every((answer) => answer.status === 200));
    assert.equal(store.done.filter((done) => done.startsWith('write slot')).length, before + 1);
  }
  assert.ok([...store.texts.values()].every((text) => text.length <= 1_024));
});

test('a session is picked up after a restart, and ended by signing out', async () => {
  const { latchkey, store } = await signedUp();
  latchkey.close();
  const next = createLatchkey({ baseUrl: server.url, storage: store });
  assert.equal((await next.ready()).state, 'signed_in');
  assert.equal((await next.fetch(profile)).status, 200);
  const access = await next.accessToken();
  const { revoked } = await next.signOut();
  assert.equal(await revoked, true);
  const refused = await fetch(server.url + profile, { headers: { Authorization: `Bearer ${access}` } });
  assert.equal(refused.status, 401);
  await assert.rejects(next.fetch(profile), { kind: 'signed_out', code: 'user' });
});

test('a session that another device ended ends here, with its reason', async () => {
  const one = await signedUp();
  const two = createLatchkey({ baseUrl: server.url, storage: memoryStorage() });
  await two.signIn({ email: one.email, password: one.password });
  const client = apiClient(two);
  const sessions = (await listSessions({ client })).data?.data ?? [];
  await endSessions({ client, body: { sessions: sessions.filter((session) => !session.is_current).map((session) => session.id) } });
  await assert.rejects(one.latchkey.fetch(profile), { kind: 'signed_out', code: 'session_ended' });
  assert.equal(one.latchkey.session.state === 'signed_out' && one.latchkey.session.reason, 'session_ended');
  assert.equal((await two.fetch(profile)).status, 200);
});

test('a wrong password is a problem that names the member', async () => {
  const { email } = await signedUp();
  const other = createLatchkey({ baseUrl: server.url, storage: memoryStorage() });
  await assert.rejects(other.signIn({ email, password: 'not this one' }), { kind: 'problem', code: 'email_password_mismatch', action: 'show' });
});

test('strangers who guess lock out strangers, and not the device that has signed in before', async () => {
  const { latchkey, email, password } = await signedUp();
  await (await latchkey.signOut()).revoked;
  const stranger = createLatchkey({ baseUrl: server.url, storage: memoryStorage() });
  for (let guess = 0; guess < 5; guess++) {
    await assert.rejects(stranger.signIn({ email, password: 'not this one' }), { code: 'email_password_mismatch' });
  }
  await assert.rejects(stranger.signIn({ email, password }), { code: 'too_many_login_attempts' }, 'the server must have its default limits');
  assert.equal((await latchkey.signIn({ email, password })).kind, 'signed_in');
});

/** A service that `latchkey dev` plays vouches for a new person, who comes back as the same one. */
async function identity(latchkey: Latchkey, provider: 'apple' | 'google', email: string): Promise<ProviderIdentity> {
  const { data } = await getConfig({ client: apiClient(latchkey) });
  const discovery = data?.data.socialaccount?.providers.find(({ id }) => id === 'fake-oidc')?.openid_configuration_url;
  assert.ok(discovery, 'the server plays no Apple and Google: it has to be `latchkey dev`, without SOCIALACCOUNT_PROVIDERS');
  const { nonce, nonceSha256 } = await providerNonce(latchkey);
  const answer = await fetch(discovery.replace(/fake-oidc\/.*/, `${provider}/token-for`), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, email_verified: true, nonce: provider === 'apple' ? nonceSha256 : nonce }),
  });
  const told = (await answer.json()) as { id_token: string; client_id: string; code?: string };
  return { provider, clientId: told.client_id, idToken: told.id_token, authorizationCode: told.code, name: 'Grace Hopper', nonce };
}

test('Apple makes an account, which gets a second factor, without which Apple signs nobody in', async () => {
  const latchkey = createLatchkey({ baseUrl: server.url, storage: memoryStorage() });
  const client = apiClient(latchkey);
  const email = `ts+${process.pid}-${Date.now()}-${people++}@example.com`;
  const first = await identity(latchkey, 'apple', email);
  assert.equal((await signInWithProvider(latchkey, first)).kind, 'signed_in');
  await assert.rejects(signInWithProvider(latchkey, first), { code: 'token_used' }); // a token serves once

  await connectProvider(latchkey, await identity(latchkey, 'google', email));
  const { data: accounts } = await listProviderAccounts({ client });
  assert.deepEqual(accounts?.data.map(({ provider }) => provider.id), ['apple', 'google']);

  const setup = await setUpTotp(latchkey);
  assert.match(setup?.url ?? '', /^otpauth:\/\/totp\//);
  await latchkey.complete(activateTotp({ client, body: { code: totp(setup?.secret ?? '') } }));
  assert.equal(await setUpTotp(latchkey), undefined);
  // The first factor of somebody who had nothing to prove themselves with is a proof of its own.
  const { data: codes } = await getRecoveryCodes({ client });
  assert.equal(codes?.data.unused_codes?.length, 10);
});

test('a second factor is asked for by Google’s sign-in, and a code goes on', async () => {
  const latchkey = createLatchkey({ baseUrl: server.url, storage: memoryStorage() });
  const client = apiClient(latchkey);
  const email = `ts+${process.pid}-${Date.now()}-${people++}@example.com`;
  await signInWithProvider(latchkey, await identity(latchkey, 'google', email));
  const setup = await setUpTotp(latchkey);
  const shown = totp(setup?.secret ?? '');
  await latchkey.complete(activateTotp({ client, body: { code: shown } }));
  await latchkey.signOut();

  const pending = await signInWithProvider(latchkey, await identity(latchkey, 'google', email));
  assert.deepEqual(pending, { kind: 'pending', flows: [{ id: 'mfa_authenticate', is_pending: true, types: ['recovery_codes', 'totp'] }] });
  await assert.rejects(submitSecondFactorCode(latchkey, shown), { code: 'incorrect_code' }); // it has served
  assert.equal(latchkey.session.state, 'signed_out');
});
