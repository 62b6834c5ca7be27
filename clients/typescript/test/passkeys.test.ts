import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { apiClient, getPasskeyLoginOptions, loginByPasskey, verifyEmail } from '../src/api.js';
import { LatchkeyError } from '../src/index.js';
import { addPasskey, finishPasskeySignUp, reauthenticateWithKey, showSecondFactorKey, signInWithPasskey, signUpWithPasskey } from '../src/passkeys.js';
import { settled } from './stand-in/clock.js';
import { credentials, device, ends, signedIn } from './stand-in/device.js';
import { askedAgain, asksToMake, asksToShow, creationOptions, pending, Prompt, requestOptions, signedInAs, wrongAnswer } from './stand-in/passkeys.js';
import { json, Server, user, type Play } from './stand-in/server.js';

const login = '/_allauth/app/v1/auth/webauthn/login';

/** Plays the sign-in by passkey; its last answer is `end`. */
function playsLogin(end: (body: unknown) => Response, seen: string[] = []): Play {
  return ({ method, path, headers, body }, real) => {
    if (path !== login) {
      return real();
    }
    seen.push(`${method} ${headers.get('X-Session-Token')} ${headers.get('Authorization')}`);
    return method === 'GET' ? asksToShow({ session_token: 'lkst_passkey' }) : end(body);
  };
}

test('a passkey signs in; its answer carries the session token of the options, and the tokens are stored', async () => {
  const { server, store, latchkey } = device();
  const prompt = new Prompt();
  const seen: string[] = [];
  let sent: unknown;
  server.play = playsLogin((body) => ((sent = body), signedInAs(0)), seen);
  assert.deepEqual(await signInWithPasskey(latchkey, prompt), { kind: 'signed_in', user, deletionCancelled: false });
  assert.deepEqual(prompt.asked, [{ get: requestOptions }]);
  assert.deepEqual(sent, { credential: { id: 'shown', type: 'public-key' } });
  assert.deepEqual(seen, ['GET null null', 'POST lkst_passkey null']);
  assert.equal(latchkey.session.state, 'signed_in');
  assert.ok(store.all.includes('refresh:0:0') && !store.all.includes('lkst_'));
});

test('a step that is pending after a passkey is a value, and is gone on with', async () => {
  const { server, latchkey } = device();
  server.play = playsLogin(() => pending('verify_email'));
  assert.deepEqual(await signInWithPasskey(latchkey, new Prompt()), { kind: 'pending', flows: [{ id: 'verify_email', is_pending: true }] });
  server.play = () => signedInAs(0);
  assert.equal((await latchkey.complete(verifyEmail({ client: apiClient(latchkey), body: { key: 'k' } }))).kind, 'signed_in');
  assert.equal(server.headers.at(-1)?.get('X-Session-Token'), 'lkst_passkey');
});

test('a passkey of another person takes the place of who is signed in, whose session is ended', async () => {
  const { server, latchkey } = await signedIn();
  const seen: string[] = [];
  server.sessions.push({ generation: 0, key: null, confirmed: false, ended: undefined });
  server.play = playsLogin(() => signedInAs(1), seen);
  assert.equal((await signInWithPasskey(latchkey, new Prompt())).kind, 'signed_in');
  assert.deepEqual(seen, ['GET null null', 'POST lkst_passkey null']);
  await settled();
  assert.deepEqual(server.sessions.map(({ ended }) => ended), ['session_ended', undefined]);
});

test('a prompt that is dismissed signs nobody out, and leaves a sign-in that is pending as it is', async () => {
  const prompt = new Prompt();
  prompt.instead = async () => null;
  const held = await signedIn();
  held.server.play = playsLogin(() => signedInAs(1));
  await assert.rejects(signInWithPasskey(held.latchkey, prompt), { kind: 'cancelled', code: 'passkey_dismissed' });
  assert.deepEqual([held.latchkey.session.state, ends(held.seen)], ['signed_in', []]);

  const { server, latchkey } = device();
  server.play = () => pending('verify_email', { session_token: 'lkst_password' });
  await latchkey.signIn(credentials);
  server.play = playsLogin(() => signedInAs(0));
  await assert.rejects(signInWithPasskey(latchkey, prompt), { kind: 'cancelled' });
  server.play = playsLogin(() => wrongAnswer('credential'));
  await assert.rejects(signInWithPasskey(latchkey, new Prompt()), { kind: 'problem', code: 'incorrect_code' });
  server.play = () => signedInAs(0);
  await latchkey.complete(verifyEmail({ client: apiClient(latchkey), body: { key: 'k' } }));
  assert.equal(server.headers.at(-1)?.get('X-Session-Token'), 'lkst_password');
});

test('what devices throw is typed: a dismissal is `cancelled`, the rest kind `passkey`', async () => {
  const dom = (name: string, message = ''): Error => Object.assign(new Error(message), { name });
  const cases: [thrown: unknown, kind: string, code: string][] = [
    [dom('NotAllowedError', 'The operation either timed out or was not allowed.'), 'cancelled', 'passkey_dismissed'],
    [dom('AbortError'), 'cancelled', 'passkey_dismissed'],
    [Object.assign(new Error('UserCancelled'), { code: 'Passkey Get' }), 'cancelled', 'passkey_dismissed'], // react-native-passkeys, Android
    [Object.assign(new Error('User cancelled the passkey interaction'), { code: 'ERR_USER_CANCELLED' }), 'cancelled', 'passkey_dismissed'], // iOS
    [{ error: 'UserCancelled', message: 'The user cancelled the request.' }, 'cancelled', 'passkey_dismissed'], // react-native-passkey
    [dom('InvalidStateError'), 'passkey', 'passkey_exists'],
    [Object.assign(new Error('NoCredentials'), { code: 'Passkey Get' }), 'passkey', 'passkey_not_found'],
    [dom('NotSupportedError'), 'passkey', 'passkey_unsupported'],
    [dom('SecurityError', 'This is an invalid domain.'), 'passkey', 'passkey_failed'],
    ['words', 'passkey', 'passkey_failed'],
    [undefined, 'passkey', 'passkey_failed'],
  ];
  const { server, latchkey } = device();
  server.play = playsLogin(() => signedInAs(0));
  const prompt = new Prompt();
  for (const [thrown, kind, code] of cases) {
    prompt.instead = () => Promise.reject(thrown);
    const error: unknown = await signInWithPasskey(latchkey, prompt).catch((e: unknown) => e);
    assert.ok(error instanceof LatchkeyError);
    assert.deepEqual([error.kind, error.code, error.cause], [kind, code, thrown], inspect(thrown));
  }
  assert.equal(server.count('POST ' + login), 0);
});

test('who calls off a prompt closes it', async () => {
  const { server, latchkey } = device();
  server.play = playsLogin(() => signedInAs(0));
  const prompt = new Prompt();
  const controller = new AbortController();
  prompt.instead = () => (controller.abort(), new Promise(() => undefined));
  const error: unknown = await signInWithPasskey(latchkey, prompt, { signal: controller.signal }).catch((e: unknown) => e);
  assert.ok(error instanceof LatchkeyError);
  assert.deepEqual([error.kind, error.code, prompt.closed], ['cancelled', undefined, 1]);
});

test('an answer without options, or of somebody else, asks for no passkey', async () => {
  const { server, latchkey } = device();
  const prompt = new Prompt();
  for (const answer of [() => json(200, { data: { request_options: {} } }), () => json(200, { data: {} }), () => new Response('<html>')]) {
    server.play = answer;
    await assert.rejects(signInWithPasskey(latchkey, prompt), { kind: 'undocumented' });
  }
  server.play = () => json(429, {}, { 'Retry-After': '7' });
  await assert.rejects(signInWithPasskey(latchkey, prompt), { kind: 'server', retryAfter: 7 });
  assert.equal(prompt.asked.length, 0);
});

test('the generated functions carry the session token, too', async () => {
  const { server, latchkey } = device();
  const client = apiClient(latchkey);
  const seen: string[] = [];
  server.play = playsLogin(() => signedInAs(0), seen);
  await getPasskeyLoginOptions({ client });
  const result = await latchkey.complete(loginByPasskey({ client, body: { credential: {} } }));
  assert.deepEqual([result.kind, seen], ['signed_in', ['GET null null', 'POST lkst_passkey null']]);
});

test('an account without a password: sign up, verify, make the passkey', async () => {
  const { server, latchkey } = device();
  const prompt = new Prompt();
  const bodies: unknown[] = [];
  server.play = ({ method, path, body }, real) => {
    bodies.push(body);
    switch (`${method} ${path.split('/auth/')[1]}`) {
      case 'POST login':
        return pending('login_by_code', { session_token: 'lkst_old' });
      case 'POST webauthn/signup':
        return pending('verify_email', { session_token: 'lkst_new' });
      case 'POST email/verify':
        return pending('mfa_signup_webauthn');
      case 'GET webauthn/signup':
        return asksToMake();
      case 'PUT webauthn/signup':
        return signedInAs(0);
      default:
        return real();
    }
  };
  await latchkey.signIn(credentials); // given up half way
  assert.deepEqual(await signUpWithPasskey(latchkey, { email: 'new@example.com' }), { kind: 'pending', flows: [{ id: 'verify_email', is_pending: true }] });
  const next = await latchkey.complete(verifyEmail({ client: apiClient(latchkey), body: { key: 'k' } }));
  assert.deepEqual(next, { kind: 'pending', flows: [{ id: 'mfa_signup_webauthn', is_pending: true }] });
  assert.equal((await finishPasskeySignUp(latchkey, prompt, { name: 'Phone' })).kind, 'signed_in');
  assert.deepEqual(prompt.asked, [{ create: creationOptions }]);
  assert.deepEqual(bodies.at(-1), { name: 'Phone', credential: { id: 'made', type: 'public-key' } });
  assert.deepEqual(server.headers.map((headers) => headers.get('X-Session-Token')), [null, null, 'lkst_new', 'lkst_new', 'lkst_new']);
});

test('a security key is shown as the second factor of a sign-in', async () => {
  const { server, latchkey } = device();
  server.play = () => pending('mfa_authenticate', { session_token: 'lkst_half' });
  await latchkey.signIn(credentials);
  const prompt = new Prompt();
  server.play = ({ method }) => (method === 'GET' ? asksToShow() : wrongAnswer('credential'));
  await assert.rejects(showSecondFactorKey(latchkey, prompt), { kind: 'problem', code: 'incorrect_code' });
  server.play = ({ method }) => (method === 'GET' ? asksToShow() : signedInAs(0));
  assert.equal((await showSecondFactorKey(latchkey, prompt)).kind, 'signed_in');
  assert.deepEqual(server.requests.slice(-2), ['GET /_allauth/app/v1/auth/webauthn/authenticate', 'POST /_allauth/app/v1/auth/webauthn/authenticate']);
  assert.equal(server.headers.at(-1)?.get('X-Session-Token'), 'lkst_half');
});

test('a passkey is added after the person has proved again who they are', async () => {
  const { server, latchkey } = await signedIn();
  const prompt = new Prompt();
  server.play = askedAgain;
  await assert.rejects(addPasskey(latchkey, prompt), { kind: 'problem', action: 'reauthenticate', flows: [{ id: 'reauthenticate' }, { id: 'mfa_reauthenticate', types: ['totp'] }] });
  assert.equal(prompt.asked.length, 0);

  server.play = ({ method }) => (method === 'GET' ? asksToShow() : signedInAs(0));
  await reauthenticateWithKey(latchkey, prompt);
  assert.deepEqual([prompt.asked.length, latchkey.session.state], [1, 'signed_in']);

  const authenticator = { type: 'webauthn', id: 1, name: 'Phone', created_at: 1, last_used_at: null };
  let sent: unknown;
  server.play = ({ method, body }) => (method === 'GET' ? asksToMake() : ((sent = body), json(200, { data: authenticator, meta: { recovery_codes_generated: true } })));
  assert.deepEqual(await addPasskey(latchkey, prompt, { name: 'Phone' }), { authenticator, recoveryCodesGenerated: true });
  assert.deepEqual([prompt.asked.at(-1), sent], [{ create: creationOptions }, { name: 'Phone', credential: { id: 'made', type: 'public-key' } }]);
});

test('a passkey can sign in alone unless it is only to be a second factor', async () => {
  const urls: string[] = [];
  const server = new Server();
  const { latchkey } = await signedIn({ server }, { fetch: (input, init) => (urls.push(String(input)), server.fetch(input, init)) });
  server.play = ({ method }) => (method === 'GET' ? asksToMake() : json(200, { data: { type: 'webauthn' } }));
  assert.equal((await addPasskey(latchkey, new Prompt())).recoveryCodesGenerated, false);
  await addPasskey(latchkey, new Prompt(), { passwordless: false });
  const asked = urls.filter((url) => url.includes('/authenticators/webauthn')).map((url) => url.split('?')[1]);
  assert.deepEqual(asked, ['passwordless=true', undefined, undefined, undefined]);
});

test('nobody adds a passkey who is not signed in', async () => {
  const { server, latchkey } = device();
  await assert.rejects(addPasskey(latchkey, new Prompt()), { kind: 'signed_out' });
  assert.equal(server.requests.length, 0);
});
