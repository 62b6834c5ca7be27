import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLatchkey, type Latchkey } from '../src/index.js';
import { apiClient, confirmLoginCode, getAccountUndo, listSessions, requestLoginCode, verifyEmail } from '../src/api.js';
import { submitSecondFactorCode } from '../src/second-factor.js';
import { fakeServer, testStorage, type FakeServer, type FakeServerOptions } from '../src/testing.js';

const ada = { email: 'ada@example.com', display: 'Ada' };
const credentials = { email: ada.email, password: 'password' };
const profile = '/api/v1/users/profile/';

function app(options: FakeServerOptions = {}): { server: FakeServer; latchkey: Latchkey } {
  const server = fakeServer({ user: ada, ...options });
  return { server, latchkey: createLatchkey({ baseUrl: server.baseUrl, storage: testStorage(), fetch: server.fetch }) };
}

function asked(server: FakeServer, end: string): number {
  return server.requests.filter(({ path }) => path.endsWith(end)).length;
}

test('a user signs in, reads the profile and signs out', async () => {
  const { server, latchkey } = app();
  const result = await latchkey.signIn(credentials);
  assert.ok(result.kind === 'signed_in' && result.user.display === 'Ada');
  const read = (await (await latchkey.fetch(profile)).json()) as { email: string };
  assert.equal(read.email, ada.email);

  const { revoked } = await latchkey.signOut();
  assert.ok(await revoked);
  await assert.rejects(latchkey.fetch(profile), { kind: 'signed_out' });
  assert.equal(server.requests.at(-1)?.method, 'DELETE');
});

test('a wrong password is the problem that the server names', async () => {
  const { latchkey } = app();
  await assert.rejects(latchkey.signIn({ ...credentials, password: 'wrong' }), { kind: 'problem', code: 'email_password_mismatch' });
});

test('an account is made, with and without a code of a mail', async () => {
  const grace = { email: 'grace@example.com', password: 'long enough' };
  assert.equal((await app().latchkey.signUp(grace)).kind, 'signed_in');
  await assert.rejects(app().latchkey.signUp(credentials), { code: 'email_taken' });

  const { server, latchkey } = app({ verifyEmail: true });
  const client = apiClient(latchkey);
  const waiting = await latchkey.signUp(grace);
  assert.ok(waiting.kind === 'pending' && waiting.flows[0]?.id === 'verify_email');
  await assert.rejects(latchkey.complete(verifyEmail({ client, body: { key: '000000' } })), { code: 'incorrect_code' });
  assert.equal((await latchkey.complete(verifyEmail({ client, body: { key: server.code } }))).kind, 'signed_in');
});

test('a second factor is asked for, also after a code', async () => {
  const { server, latchkey } = app({ user: { ...ada, secondFactor: true } });
  const waiting = await latchkey.signIn(credentials);
  assert.ok(waiting.kind === 'pending' && waiting.flows[0]?.id === 'mfa_authenticate');
  await assert.rejects(submitSecondFactorCode(latchkey, '000000'), { code: 'incorrect_code' });
  assert.equal((await submitSecondFactorCode(latchkey, server.code)).kind, 'signed_in');

  const client = apiClient(latchkey);
  await latchkey.signOut();
  await latchkey.complete(requestLoginCode({ client, body: { email: ada.email } }));
  const next = await latchkey.complete(confirmLoginCode({ client, body: { code: server.code } }));
  assert.ok(next.kind === 'pending' && next.flows[0]?.id === 'mfa_authenticate');
});

test('no code opens an account that is nobody\'s', async () => {
  const { server, latchkey } = app();
  const client = apiClient(latchkey);
  await latchkey.complete(requestLoginCode({ client, body: { email: 'nobody@example.com' } }));
  await assert.rejects(latchkey.complete(confirmLoginCode({ client, body: { code: server.code } })), { code: 'incorrect_code' });
});

test('tokens rotate, and an access token that is not taken any more costs one refresh', async () => {
  const { server, latchkey } = app();
  await latchkey.signIn(credentials);
  const first = await latchkey.accessToken();
  server.expireAccessTokens();
  const answers = await Promise.all([latchkey.fetch(profile), latchkey.fetch(profile)]);
  assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
  assert.notEqual(await latchkey.accessToken(), first);
  assert.equal(asked(server, 'token/refresh'), 1);

  server.expireAccessTokens();
  const { data } = await listSessions({ client: apiClient(latchkey) });
  assert.deepEqual([data?.data.length, asked(server, 'token/refresh')], [1, 2]);
});

test('a refresh token that was spent long ago ends the session', async () => {
  let now = 1_790_000_000_000;
  const { server, latchkey } = app({ now: () => now });
  await latchkey.signIn(credentials);
  await latchkey.refresh();
  now += 120_000;

  const thief = { method: 'POST', headers: { 'Idempotency-Key': 'another-key' }, body: JSON.stringify({ refresh: spentBy(server) }) };
  const refused = await server.fetch(`${server.baseUrl}/_allauth/app/v1/auth/token/refresh`, thief);
  const answer = (await refused.json()) as { errors: { code: string }[] };
  assert.equal(answer.errors[0]?.code, 'refresh_token_reused');
  await assert.rejects(latchkey.refresh(), { kind: 'signed_out', code: 'refresh_token_reused' });
});

/** The refresh token of the first refresh. */
function spentBy(server: FakeServer): unknown {
  return server.requests.find(({ path }) => path.endsWith('token/refresh'))?.body['refresh'];
}

test('a session that an administrator ended ends the app\'s, with the reason', async () => {
  const { server, latchkey } = app();
  await latchkey.signIn(credentials);
  server.endSessions('account_disabled');
  await assert.rejects(latchkey.fetch(profile), { kind: 'signed_out', code: 'account_disabled' });
  assert.deepEqual(latchkey.session.state, 'signed_out');
});

test('without a network the session is kept', async () => {
  const { server, latchkey } = app();
  await latchkey.signIn(credentials);
  server.offline = true;
  await assert.rejects(latchkey.fetch(profile), { kind: 'network' });
  assert.equal(latchkey.session.state, 'signed_in');
  server.offline = false;
  assert.equal((await latchkey.fetch(profile)).status, 200);
});

test('a test says what a route answers, also one of another host', async () => {
  const server = fakeServer({ user: ada });
  const latchkey = createLatchkey({ baseUrl: server.baseUrl, storage: testStorage(), fetch: server.fetch, origins: ['https://api.example.com'] });
  await latchkey.signIn(credentials);
  server.on('GET https://api.example.com/orders', ({ user }) => [{ id: 1, owner: user?.display }]);
  assert.deepEqual(await (await latchkey.fetch('https://api.example.com/orders')).json(), [{ id: 1, owner: 'Ada' }]);

  const off = server.on('GET auth/sessions', (request) => server.proofNeeded(request));
  await assert.rejects(latchkey.complete(listSessions({ client: apiClient(latchkey) })), { action: 'reauthenticate' });
  off();
  const { data } = await listSessions({ client: apiClient(latchkey) });
  assert.deepEqual(data?.data.map((session) => session.is_current), [true]);
});

test('an undo link is asked for and used without a session', async () => {
  const { server, latchkey } = app();
  const client = apiClient(latchkey);
  const undo = { account: 'a•••@example.com', changes: [], earlier_changes: 0, expires_at: 1790604800 };
  server.on('GET account/undo', () => ({ status: 200, data: undo }));
  const { data } = await getAccountUndo({ client, headers: { 'X-Account-Undo-Key': 'key' } });
  assert.equal(data?.data.account, undo.account);
  await assert.rejects(latchkey.fetch('/_allauth/app/v1/account/undone'), { kind: 'signed_out' });
});

test('a route that nobody has answered says so', async () => {
  const { latchkey } = app();
  await latchkey.signIn(credentials);
  const answer = await latchkey.fetch('/api/v1/unknown/');
  assert.equal(answer.status, 501);
  assert.match(await answer.text(), /server\.on/);
});
