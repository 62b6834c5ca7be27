// A sign-in that is under way, beside whoever is signed in, and what ends it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as api from '../src/api.js';
import type { Client } from '../src/api.js';
import type { ApiResult, Latchkey, Pending, SignedIn } from '../src/index.js';
import { showSecondFactorKey, signInWithPasskey, signUpWithPasskey } from '../src/passkeys.js';
import { signInWithProvider } from '../src/providers.js';
import { submitSecondFactorCode } from '../src/second-factor.js';
import { settled } from './stand-in/clock.js';
import { credentials, device, ends, profile, signedIn, type Device } from './stand-in/device.js';
import { asksToShow, pending, Prompt, signedInAs, wrongAnswer } from './stand-in/passkeys.js';
import { json } from './stand-in/server.js';

const identity = { provider: 'google', clientId: 'c', idToken: 'a.b.c' };
const over = (): Response => json(401, { data: { flows: [{ id: 'login' }] }, meta: { is_authenticated: false } });
const notPending = (): Response => json(409, { errors: [{ code: 'flow_not_pending', message: 'No.' }] });
const gone = (): Response => json(410, { data: { flows: [{ id: 'login' }] }, meta: { is_authenticated: null } });

/** Calls an operation by its name, as an app does it through `complete`. */
function complete(latchkey: Latchkey, operation: string): Promise<unknown> {
  const call = (api as unknown as Record<string, (options: { client: Client; body?: object }) => Promise<ApiResult>>)[operation];
  assert.ok(call, `no function ${operation}`);
  return latchkey.complete(call({ client: api.apiClient(latchkey), ...(operation.startsWith('get') ? {} : { body: {} }) }));
}

/** What the last request carried. */
function carried({ server }: Pick<Device, 'server'>): string {
  const headers = server.headers.at(-1);
  return headers?.get('X-Session-Token') ?? (headers?.has('Authorization') ? 'bearer' : 'nothing');
}

/** Somebody is signed in, and somebody else has `flow` pending. */
async function beside(flow: string): Promise<Device> {
  const held = await signedIn();
  held.server.play = () => pending(flow, { session_token: 'lkst_other' });
  await held.latchkey.signIn(credentials);
  held.server.play = undefined;
  return held;
}

const onlySteps = [
  'submitSecondFactor', 'submitSecondFactorCredential', 'getSecondFactorOptions', 'confirmLoginCode', 'resendLoginCode', 'resendPhoneVerification',
  'getProviderSignup', 'completeProviderSignup', 'getPasskeySignupOptions', 'completePasskeySignup',
];
const alsoSteps: Record<string, string> = { verifyEmail: 'verify_email', getEmailVerification: 'verify_email', resendEmailVerification: 'verify_email', verifyPhone: 'verify_phone' };

const beginnings: Record<string, (latchkey: Latchkey) => Promise<SignedIn | Pending>> = {
  signIn: (latchkey) => latchkey.signIn(credentials),
  signUp: (latchkey) => latchkey.signUp(credentials),
  signInWithPasskey: (latchkey) => signInWithPasskey(latchkey, new Prompt()),
  signUpWithPasskey: (latchkey) => signUpWithPasskey(latchkey, { email: 'bob@example.com' }),
  signInWithProvider: (latchkey) => signInWithProvider(latchkey, identity),
};

for (const [name, begin] of Object.entries(beginnings)) {
  test(`${name} may have a step pending while somebody else is signed in, who goes on until it is taken`, async () => {
    const held = await signedIn();
    const { server, store, latchkey, seen } = held;
    server.play = ({ method }) => (method === 'GET' ? asksToShow({ session_token: 'lkst_other' }) : pending('mfa_authenticate', name === 'signInWithPasskey' ? {} : { session_token: 'lkst_other' }));
    assert.equal((await begin(latchkey)).kind, 'pending');

    server.play = undefined;
    assert.equal((await latchkey.fetch(profile)).status, 200);
    assert.deepEqual([carried(held), latchkey.session.state, ends(seen)], ['bearer', 'signed_in', []]);
    await latchkey.refresh();
    assert.ok(!store.all.includes('lkst_other'));

    server.play = () => wrongAnswer('code');
    await assert.rejects(submitSecondFactorCode(latchkey, '000000'), { code: 'incorrect_code' });
    server.sessions.push({ generation: 0, key: null, confirmed: false, ended: undefined });
    let step: Headers | undefined;
    server.play = ({ path, headers }, real) => (path.endsWith('/authenticate') ? ((step = headers), signedInAs(1)) : real());
    assert.equal((await submitSecondFactorCode(latchkey, '123456')).kind, 'signed_in');
    assert.deepEqual([step?.get('X-Session-Token'), step?.has('Authorization')], ['lkst_other', false]);
    await settled();
    assert.deepEqual(server.sessions.map(({ ended }) => ended), ['session_ended', undefined]);
    assert.equal((await latchkey.fetch(profile)).status, 200);
    assert.ok(store.all.includes('refresh:1:0') && !inspect(latchkey, { depth: 9 }).includes('lkst_other'));
  });
}

for (const operation of [...onlySteps, ...Object.keys(alsoSteps)]) {
  test(`${operation} goes on with a sign-in, whoever is signed in`, async () => {
    const held = await beside(alsoSteps[operation] ?? 'mfa_authenticate');
    held.server.play = () => wrongAnswer();
    await assert.rejects(complete(held.latchkey, operation), { code: 'incorrect_code' });
    assert.equal(carried(held), 'lkst_other');
  });
}

for (const operation of onlySteps) {
  test(`${operation} is not sent where no sign-in is under way`, async () => {
    const nobody = device();
    const somebody = await signedIn();
    for (const { server, latchkey } of [nobody, somebody]) {
      server.requests.length = 0;
      await assert.rejects(complete(latchkey, operation), { kind: 'nothing_pending', status: undefined });
      assert.equal(server.requests.length, 0);
    }
  });
}

for (const operation of Object.keys(alsoSteps)) {
  test(`${operation} is of who is signed in, where no sign-in has that pending`, async () => {
    for (const held of [await signedIn(), await beside('mfa_authenticate')]) {
      held.server.play = () => wrongAnswer();
      await assert.rejects(complete(held.latchkey, operation), { code: 'incorrect_code' });
      assert.equal(carried(held), 'bearer');
    }
  });
}

test('a later step has its own flow pending, with the same token', async () => {
  const held = await beside('mfa_authenticate');
  held.server.play = () => pending('verify_email');
  assert.equal((await submitSecondFactorCode(held.latchkey, '123456')).kind, 'pending');
  held.server.play = () => wrongAnswer();
  await assert.rejects(complete(held.latchkey, 'verifyEmail'), { code: 'incorrect_code' });
  assert.equal(carried(held), 'lkst_other');
});

test('an answer that comes late does not bring back a sign-in that another one has replaced', async () => {
  const { server, latchkey } = device();
  server.play = () => pending('mfa_authenticate', { session_token: 'lkst_first' });
  await latchkey.signIn(credentials);
  server.play = async ({ path }) => {
    if (path.endsWith('/authenticate')) {
      await latchkey.signIn(credentials);
      return pending('verify_email');
    }
    return pending('mfa_authenticate', { session_token: 'lkst_second' });
  };
  await submitSecondFactorCode(latchkey, '123456');
  server.play = () => wrongAnswer();
  await assert.rejects(submitSecondFactorCode(latchkey, '123456'), { code: 'incorrect_code' });
  assert.equal(carried({ server }), 'lkst_second');
});

// What the server says of a sign-in that is not under way any more.
for (const [word, answer] of Object.entries({ 401: over, 410: gone, 409: notPending })) {
  test(`a sign-in of which the server says ${word} is over, and forgotten; who is signed in stays so`, async () => {
    for (const step of [(latchkey: Latchkey) => submitSecondFactorCode(latchkey, '123456'), (latchkey: Latchkey) => showSecondFactorKey(latchkey, new Prompt()), (latchkey: Latchkey) => complete(latchkey, 'confirmLoginCode')]) {
      const { server, latchkey, seen } = await beside('mfa_authenticate');
      server.play = answer;
      await assert.rejects(step(latchkey), { kind: 'nothing_pending', status: Number(word) });
      const before = server.requests.length;
      await assert.rejects(step(latchkey), { kind: 'nothing_pending', status: undefined });
      assert.equal(server.requests.length, before);
      server.play = undefined;
      assert.equal((await latchkey.fetch(profile)).status, 200);
      assert.deepEqual([server.refreshes, ends(seen)], [0, []]);
    }
  });
}

test('an answer of another server ends no sign-in', async () => {
  const held = await beside('mfa_authenticate');
  for (const status of [401, 410, 502]) {
    held.server.play = () => new Response('<html>', { status });
    await assert.rejects(submitSecondFactorCode(held.latchkey, '123456'), { kind: 'undocumented' });
    assert.equal(carried(held), 'lkst_other');
  }
});

// A disabled account: the proof was right, nobody is in, and there is nothing to go on with.
for (const [name, begin] of Object.entries(beginnings)) {
  test(`${name} that lets nobody in and has nothing pending is a problem`, async () => {
    const { server, latchkey } = device();
    server.play = ({ method }) => (method === 'GET' ? asksToShow({ session_token: 'lkst_passkey' }) : over());
    await assert.rejects(begin(latchkey), { kind: 'problem', status: 401, action: 'show' });
  });
}

test('where 401 with nothing pending is the success answer, it is still `done`', async () => {
  for (const operation of ['requestPasswordReset', 'resetPassword', 'verifyEmail', 'endSession']) {
    const { server, latchkey } = device();
    server.play = over;
    assert.deepEqual(await complete(latchkey, operation), { kind: 'done', flows: [{ id: 'login' }] }, operation);
  }
});

test('a sign-in that turns out to be pending after a sign-out is forgotten', async () => {
  for (const { server, latchkey } of [device(), await signedIn()]) {
    server.play = async ({ path }, real) => {
      if (!path.endsWith('/login')) {
        return real();
      }
      await latchkey.signOut();
      return pending('mfa_authenticate', { session_token: 'lkst_late' });
    };
    await assert.rejects(latchkey.signIn(credentials), { kind: 'nothing_pending' });
    assert.ok(!inspect(latchkey, { depth: 9 }).includes('lkst_late'));
    await assert.rejects(submitSecondFactorCode(latchkey, '123456'), { kind: 'nothing_pending' });
  }
});

test('a step that ends after a sign-out does not sign in, and leaves no session behind', async () => {
  const { server, store, latchkey, seen } = await beside('mfa_authenticate');
  server.sessions.push({ generation: 0, key: null, confirmed: false, ended: undefined });
  server.play = async ({ path }, real) => {
    if (!path.endsWith('/authenticate')) {
      return real();
    }
    await latchkey.signOut();
    return signedInAs(1);
  };
  await assert.rejects(submitSecondFactorCode(latchkey, '123456'), { kind: 'nothing_pending' });
  await settled();
  assert.deepEqual(server.sessions.map(({ ended }) => ended), ['session_ended', 'session_ended']);
  assert.doesNotMatch(store.all, /refresh:/);
  assert.deepEqual([latchkey.session.state, ends(seen)], ['signed_out', ['user']]);
});

for (const operation of ['getConfig', 'requestLoginCode', 'requestPasswordReset', 'resetPassword', 'getPasskeyLoginOptions', 'submitProviderToken']) {
  test(`${operation} does not fail because of a sign-in that has ended`, async () => {
    const { server, latchkey } = device();
    server.play = () => pending('mfa_authenticate', { session_token: 'lkst_dead' });
    await latchkey.signIn(credentials);
    const seen: (string | null)[] = [];
    server.play = ({ headers }) => {
      const token = headers.get('X-Session-Token');
      seen.push(token);
      return token ? gone() : json(200, { data: {} });
    };
    assert.equal(((await complete(latchkey, operation)) as { kind: string }).kind, 'done');
    assert.deepEqual(seen, ['lkst_dead', null]);
    await assert.rejects(submitSecondFactorCode(latchkey, '123456'), { kind: 'nothing_pending', status: undefined });
  });
}

test('a dead session token is dropped once: the repetition is not repeated, and needs no token', async () => {
  const { server, latchkey } = device();
  server.play = () => pending('verify_email', { session_token: 'lkst_dead' });
  await latchkey.signIn(credentials);
  server.play = gone;
  server.requests.length = 0;
  await assert.rejects(complete(latchkey, 'requestLoginCode'), { kind: 'problem', status: 410, action: 'sign_out' });
  assert.equal(server.requests.length, 2);
  await assert.rejects(latchkey.fetch(profile), { kind: 'signed_out' });
});

test('a sign-up that waits for its link goes on by itself, once the link was opened elsewhere', async () => {
  const { server, store, latchkey } = device();
  server.play = () => pending('verify_email', { session_token: 'lkst_waiting' });
  await latchkey.signUp(credentials);
  server.play = () => pending('verify_email');
  assert.deepEqual(await complete(latchkey, 'getSession'), { kind: 'pending', flows: [{ id: 'verify_email', is_pending: true }] });
  server.play = () => signedInAs(0);
  assert.equal(((await complete(latchkey, 'getSession')) as { kind: string }).kind, 'signed_in');
  assert.deepEqual([carried({ server }), latchkey.session.state], ['lkst_waiting', 'signed_in']);
  assert.ok(!store.all.includes('lkst_waiting'));
});
