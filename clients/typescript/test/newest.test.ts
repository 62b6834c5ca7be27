// Sign-ins that cross: the newest beginning wins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addEmailAddress, apiClient, changePhoneNumber, resendEmailAddressVerification, verifyEmail, verifyPhone } from '../src/api.js';
import type { Latchkey } from '../src/index.js';
import { submitSecondFactorCode } from '../src/second-factor.js';
import { settled } from './stand-in/clock.js';
import { credentials, device, ends, profile, signedIn } from './stand-in/device.js';
import { pending, signedInAs } from './stand-in/passkeys.js';
import { json, user, type Server } from './stand-in/server.js';

const live = { generation: 0, key: null, confirmed: false, ended: undefined };

/** Has each call of a path wait until it is let go; the n-th one to begin is `gates[n]`. */
function gated(server: Server, end: string, answer: (n: number) => Response): (() => void)[] {
  const gates: (() => void)[] = [];
  server.play = async ({ path }, real) => {
    if (!path.endsWith(end)) {
      return real();
    }
    const n = gates.length;
    await new Promise<void>((resolve) => gates.push(resolve));
    return answer(n);
  };
  return gates;
}

function carried(server: Server): string {
  const headers = server.headers[server.headers.length - 1];
  return headers?.get('X-Session-Token') ?? (headers?.has('Authorization') ? 'bearer' : 'nothing');
}

for (const order of [[0, 1], [1, 0]]) {
  test(`of two sign-ins the newer one is pending, answered ${order[0] === 0 ? 'last' : 'first'}`, async () => {
    const { server, latchkey } = device();
    const gates = gated(server, '/login', (n) => pending('mfa_authenticate', { session_token: `lkst_${n}` }));
    const older = assert.rejects(latchkey.signIn(credentials), { kind: 'nothing_pending' });
    await settled();
    const newer = latchkey.signIn(credentials);
    await settled();
    for (const n of order) {
      gates[n]?.();
      await settled();
    }
    await older;
    assert.equal((await newer).kind, 'pending');
    server.play = () => signedInAs(0);
    await submitSecondFactorCode(latchkey, '123456').catch(() => undefined);
    assert.equal(server.headers.find((headers) => headers.has('X-Session-Token'))?.get('X-Session-Token'), 'lkst_1');
  });

  test(`of two sign-ins the newer one stands, answered ${order[0] === 0 ? 'last' : 'first'}, and the older one is ended`, async () => {
    const { server, latchkey, seen } = device();
    await latchkey.ready();
    seen.length = 0;
    server.sessions.push({ ...live }, { ...live });
    const gates = gated(server, '/login', signedInAs);
    const older = assert.rejects(latchkey.signIn(credentials), { kind: 'nothing_pending' });
    await settled();
    const newer = latchkey.signIn(credentials);
    await settled();
    for (const n of order) {
      gates[n]?.();
      await settled();
    }
    await older;
    assert.equal((await newer).kind, 'signed_in');
    assert.deepEqual(server.sessions.map(({ ended }) => ended), ['session_ended', undefined]);
    assert.equal((await latchkey.fetch(profile)).status, 200);
    assert.deepEqual(ends(seen), []);
  });
}

test('an old second factor that succeeds does not replace a newer sign-in', async () => {
  const { server, latchkey } = device();
  server.play = () => pending('mfa_authenticate', { session_token: 'lkst_old' });
  await latchkey.signIn(credentials);
  server.sessions.push({ ...live });
  const gates = gated(server, '/authenticate', () => signedInAs(0));
  const step = assert.rejects(submitSecondFactorCode(latchkey, '123456'), { kind: 'nothing_pending' });
  await settled();
  await latchkey.signIn(credentials);
  gates[0]?.();
  await step;
  await settled();
  assert.deepEqual(server.sessions.map(({ ended }) => ended), ['session_ended', undefined]);
  assert.equal((await latchkey.fetch(profile)).status, 200);
});

test('the end of the session before does not drop the sign-in that is pending', async () => {
  const { server, clock, latchkey, seen } = await signedIn();
  server.play = () => pending('mfa_authenticate', { session_token: 'lkst_new' });
  await latchkey.signIn(credentials);
  server.play = undefined;
  server.sessions[0]!.ended = 'session_ended';
  await clock.advance(301);
  await assert.rejects(latchkey.refresh(), { kind: 'signed_out', code: 'session_ended' });
  server.sessions.push({ ...live });
  server.play = ({ path }, real) => (path.endsWith('/authenticate') ? signedInAs(1) : real());
  assert.equal((await submitSecondFactorCode(latchkey, '123456')).kind, 'signed_in');
  assert.deepEqual(ends(seen), ['session_ended']);
});

test('a sign-out that is slow does not end a sign-in that began after it', async () => {
  const { server, store, latchkey } = await signedIn();
  let open: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => (open = resolve));
  const { read } = store;
  let slowed = 0;
  store.read = async (name) => {
    await (slowed++ < 2 ? slow : undefined);
    return read.call(store, name);
  };
  const leaving = latchkey.signOut();
  const entering = latchkey.signIn(credentials);
  await settled();
  open();
  await leaving;
  assert.equal((await entering).kind, 'signed_in');
  await settled();
  assert.deepEqual([latchkey.session.state, server.sessions.map(({ ended }) => ended)], ['signed_in', ['session_ended', undefined]]);
});

test('`cancelPending` drops what is pending and what is on its way, and leaves the session alone', async () => {
  const { server, latchkey, seen } = await signedIn();
  server.play = () => pending('mfa_authenticate', { session_token: 'lkst_new' });
  await latchkey.signIn(credentials);
  server.play = undefined;
  latchkey.cancelPending();
  const before = server.requests.length;
  await assert.rejects(submitSecondFactorCode(latchkey, '123456'), { kind: 'nothing_pending' });
  assert.equal(server.requests.length, before);

  server.sessions.push({ ...live });
  const gates = gated(server, '/login', () => signedInAs(1));
  const late = assert.rejects(latchkey.signIn(credentials), { kind: 'nothing_pending' });
  await settled();
  latchkey.cancelPending();
  gates[0]?.();
  await late;
  await settled();
  assert.deepEqual([server.sessions.map(({ ended }) => ended), ends(seen)], [[undefined, 'session_ended'], []]);
  assert.equal((await latchkey.fetch(profile)).status, 200);
});

const done = (): Response => json(200, { data: [] });
const own: Record<string, { flow: string; begin(latchkey: Latchkey): PromiseLike<unknown>; verify(latchkey: Latchkey): PromiseLike<unknown> }> = {
  'a new address': {
    flow: 'verify_email',
    begin: (latchkey) => addEmailAddress({ client: apiClient(latchkey), body: { email: 'second@example.com' } }),
    verify: (latchkey) => verifyEmail({ client: apiClient(latchkey), body: { key: 'code' } }),
  },
  'a code that is sent again': {
    flow: 'verify_email',
    begin: (latchkey) => resendEmailAddressVerification({ client: apiClient(latchkey), body: { email: 'second@example.com' } }),
    verify: (latchkey) => verifyEmail({ client: apiClient(latchkey), body: { key: 'code' } }),
  },
  'a new number': {
    flow: 'verify_phone',
    begin: (latchkey) => changePhoneNumber({ client: apiClient(latchkey), body: { phone: '+31612345678' } }),
    verify: (latchkey) => verifyPhone({ client: apiClient(latchkey), body: { code: 'code' } }),
  },
};

for (const [name, { flow, begin, verify }] of Object.entries(own)) {
  test(`${name} of the signed-in user is verified with the session, also where a sign-up was left before`, async () => {
    const { server, latchkey } = await signedIn();
    server.play = () => pending(flow, { session_token: 'lkst_left' });
    await latchkey.signUp(credentials);
    server.play = done;
    await begin(latchkey);
    server.play = done;
    await verify(latchkey);
    assert.equal(carried(server), 'bearer');
  });

  test(`${name} that was refused leaves the step with the sign-up, and so does a sign-up that began later`, async () => {
    const { server, latchkey } = await signedIn();
    server.play = () => pending(flow, { session_token: 'lkst_left' });
    await latchkey.signUp(credentials);
    server.play = () => json(400, { errors: [{ code: 'invalid', message: 'No.' }] });
    await begin(latchkey);
    await verify(latchkey);
    assert.equal(carried(server), 'lkst_left');

    server.play = done;
    await begin(latchkey);
    server.play = () => pending(flow, { session_token: 'lkst_later' });
    await latchkey.signUp(credentials);
    server.play = done;
    await verify(latchkey);
    assert.equal(carried(server), 'lkst_later');
  });
}

test('a request that waits for the refresh of a session that a sign-in replaces goes on with the new one', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(301);
  const gates = gated(server, '/refresh', () => json(503, {}));
  const call = latchkey.fetch(profile);
  await settled();
  await latchkey.signIn(credentials);
  server.play = undefined;
  gates[0]?.();
  assert.equal((await call).status, 200);
  assert.deepEqual(latchkey.session, { state: 'signed_in', userId: user.id, user, needsUnlock: false });
});

test('a session that came too late while the network was gone is ended by the next run', async () => {
  const { server, store, latchkey, clock } = device();
  server.sessions.push({ ...live });
  const gates = gated(server, '/login', () => signedInAs(0));
  const late = assert.rejects(latchkey.signIn(credentials), { kind: 'nothing_pending' });
  await settled();
  latchkey.cancelPending();
  const waiting = server.play;
  server.play = (request, real) => {
    if (!request.path.endsWith('/login')) {
      throw new TypeError('fetch failed');
    }
    return waiting!(request, real);
  };
  gates[0]?.();
  await late;
  latchkey.close(); // killed
  server.play = ({ path }, real) => (path.endsWith('/refresh') ? signedInAs(0) : real());
  const next = device({ server, store, clock });
  await next.latchkey.ready();
  await settled();
  assert.deepEqual([server.sessions[0]?.ended, next.latchkey.session.state], ['session_ended', 'signed_out']);
  assert.doesNotMatch(store.all, /refresh:/);
});
