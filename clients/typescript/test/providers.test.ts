import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiClient, completeProviderSignup } from '../src/api.js';
import { connectProvider, providerNonce, reauthenticateWithProvider, signInWithProvider } from '../src/providers.js';
import { settled } from './stand-in/clock.js';
import { device, ends, signedIn } from './stand-in/device.js';
import { askedAgain, pending, signedInAs } from './stand-in/passkeys.js';
import { json, Server, user } from './stand-in/server.js';

const identity = { provider: 'apple', clientId: 'com.example.app', idToken: 'a.b.c' };

test('a nonce comes in both forms, without asking who is signed in', async () => {
  const { server, latchkey } = device();
  server.play = () => json(200, { data: { nonce: 'raw', nonce_sha256: 'hashed', expires_at: 1790000600 } });
  assert.deepEqual(await providerNonce(latchkey), { nonce: 'raw', nonceSha256: 'hashed', expiresAt: 1790000600 });
  assert.deepEqual(server.requests, ['POST /_allauth/app/v1/auth/provider/nonce']);
});

test('a service signs in, with what Apple alone tells, and only what is known is sent', async () => {
  const { server, store, latchkey } = device();
  const bodies: unknown[] = [];
  server.play = ({ body }) => (bodies.push(body), signedInAs(0));
  assert.deepEqual(await signInWithProvider(latchkey, { ...identity, authorizationCode: 'code', name: 'Ada Lovelace', nonce: 'raw' }), { kind: 'signed_in', user, deletionCancelled: false });
  await signInWithProvider(latchkey, { ...identity, authorizationCode: null, name: '' });
  assert.deepEqual(bodies[0], { provider: 'apple', process: 'login', token: { client_id: 'com.example.app', id_token: 'a.b.c', authorization_code: 'code', name: 'Ada Lovelace', nonce: 'raw' } });
  assert.deepEqual(bodies[1], { provider: 'apple', process: 'login', token: { client_id: 'com.example.app', id_token: 'a.b.c' } });
  assert.ok(store.all.includes('refresh:0:0') && !store.all.includes('a.b.c'));
});

test('signing in with a service begins anew, whoever is signed in or half signed in', async () => {
  const held = await signedIn();
  held.server.sessions.push({ generation: 0, key: null, confirmed: false, ended: undefined });
  held.server.play = ({ path }, real) => (path.endsWith('/provider/token') ? signedInAs(1) : real());
  await signInWithProvider(held.latchkey, identity);
  assert.equal(held.server.headers.find((_, n) => held.server.requests[n]?.endsWith('/provider/token'))?.has('Authorization'), false);
  await settled();
  assert.equal(held.server.sessions[0]?.ended, 'session_ended');

  const { server, latchkey } = device();
  server.play = () => pending('verify_email', { session_token: 'lkst_stale' });
  await latchkey.signIn({ email: 'ada@example.com', password: 'right' });
  server.play = () => signedInAs(0);
  await signInWithProvider(latchkey, identity);
  assert.equal(server.headers.at(-1)?.has('X-Session-Token'), false);
});

test('what a service did not tell is asked for, and a problem is typed', async () => {
  const { server, latchkey } = device();
  server.play = () => pending('provider_signup', { session_token: 'lkst_new' });
  assert.deepEqual(await signInWithProvider(latchkey, identity), { kind: 'pending', flows: [{ id: 'provider_signup', is_pending: true }] });
  server.play = () => signedInAs(0);
  assert.equal((await latchkey.complete(completeProviderSignup({ client: apiClient(latchkey), body: { email: 'ada@example.com' } }))).kind, 'signed_in');
  assert.equal(server.headers.at(-1)?.get('X-Session-Token'), 'lkst_new');

  server.play = () => json(400, { errors: [{ code: 'invalid_token', message: 'No.', param: 'token' }] });
  await assert.rejects(signInWithProvider(latchkey, identity), { kind: 'problem', code: 'invalid_token' });
  server.play = () => json(503, { errors: [{ code: 'temporarily_unavailable', message: 'Later.' }] }, { 'Retry-After': '5' });
  await assert.rejects(signInWithProvider(latchkey, identity), { kind: 'server', retryAfter: 5 });
  assert.equal(latchkey.session.state, 'signed_in');
});

test('a service is connected to the account of who is signed in, with the same token after a proof', async () => {
  const { server, latchkey, seen } = await signedIn();
  server.play = askedAgain;
  await assert.rejects(connectProvider(latchkey, identity), { kind: 'problem', action: 'reauthenticate' });
  let sent: unknown;
  server.play = ({ body }) => ((sent = body), json(200, { data: { user, methods: [] }, meta: { is_authenticated: true } }));
  await connectProvider(latchkey, identity);
  assert.equal((sent as { process: string }).process, 'connect');
  assert.ok(server.headers.at(-1)?.has('Authorization'));
  assert.deepEqual(ends(seen), []);
});

test('nobody connects a service who is not signed in', async () => {
  const { server, latchkey } = device();
  server.play = () => json(401, { data: { flows: [{ id: 'login' }] }, meta: { is_authenticated: false } });
  await assert.rejects(connectProvider(latchkey, identity), { kind: 'signed_out' });
  assert.equal(server.requests.length, 0); // the id_token is not used up
});

test('a nonce for a proof is asked for by who is signed in, and one for a sign-in by nobody', async () => {
  const urls: string[] = [];
  const server = new Server();
  const { latchkey } = await signedIn({ server }, { fetch: (input, init) => (urls.push(String(input)), server.fetch(input, init)) });
  server.play = () => json(200, { data: { nonce: 'raw', nonce_sha256: 'hashed', expires_at: 1790000600 } });
  await providerNonce(latchkey);
  assert.equal(server.headers.at(-1)?.has('Authorization'), false);
  await providerNonce(latchkey, { process: 'reauthenticate' });
  assert.equal(server.headers.at(-1)?.has('Authorization'), true);
  assert.deepEqual(urls.slice(-2).map((url) => url.split('?')[1]), [undefined, 'process=reauthenticate']);
});

test('a service proves who is signed in', async () => {
  const { server, latchkey, seen } = await signedIn();
  server.play = () => json(400, { errors: [{ code: 'invalid_token', message: 'No.', param: 'token' }] });
  await assert.rejects(reauthenticateWithProvider(latchkey, identity), { kind: 'problem', code: 'invalid_token' });
  let sent: unknown;
  server.play = ({ body }) => ((sent = body), json(200, { data: { user, methods: [] }, meta: { is_authenticated: true } }));
  await reauthenticateWithProvider(latchkey, { ...identity, nonce: 'raw' });
  assert.deepEqual(sent, { provider: 'apple', process: 'reauthenticate', token: { client_id: 'com.example.app', id_token: 'a.b.c', nonce: 'raw' } });
  assert.ok(server.headers.at(-1)?.has('Authorization'));
  assert.deepEqual(ends(seen), []);
});

test('nobody proves anything by a service who is not signed in', async () => {
  const { server, latchkey } = device();
  await assert.rejects(reauthenticateWithProvider(latchkey, identity), { kind: 'signed_out' });
  assert.equal(server.requests.length, 0);
});
