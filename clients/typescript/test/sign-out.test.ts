import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settled } from './stand-in/clock.js';
import { credentials, device, deviceLocked, ends, profile, signedIn } from './stand-in/device.js';

const offline = (): never => {
  throw new TypeError('fetch failed');
};

test('signing out leaves nothing that signs in, here or on the server', async () => {
  const { server, store, latchkey, seen } = await signedIn();
  const { revoked } = await latchkey.signOut();
  assert.equal(await revoked, true);
  assert.equal(server.sessions[0]?.ended, 'session_ended');
  assert.doesNotMatch(store.all, /refresh:/);
  assert.deepEqual(ends(seen), ['user']);
  await assert.rejects(latchkey.fetch(profile), { kind: 'signed_out', code: 'user' });
});

// The refresh is stopped at each point where something else can happen, and the person
// signs out there.
const points = ['before the server has the refresh', 'before its answer arrives', 'before the pair is written', 'after the pair is written'] as const;
for (const point of points) {
  test(`a sign-out ${point} is not undone by the refresh`, async () => {
    const { server, clock, store, latchkey, seen } = await signedIn();
    await clock.advance(301);
    let signingOut: Promise<unknown> | undefined;
    const signOut = (): void => void (signingOut ??= latchkey.signOut().then(({ revoked }) => revoked));
    server.play = async ({ path }, real) => {
      if (!path.endsWith('/refresh') || signingOut) {
        return real();
      }
      if (point === points[0]) {
        signOut();
        await settled();
      }
      const answer = real();
      if (point === points[1]) {
        signOut();
        await settled();
      }
      return answer;
    };
    store.fault = (operation, name) => {
      if (operation === 'write' && name === 'slot-0' && point === points[2]) {
        signOut();
      }
      if (operation === 'read' && store.all.includes('refresh:0:1') && point === points[3]) {
        signOut();
      }
    };
    await assert.rejects(latchkey.fetch(profile), { kind: 'signed_out' });
    assert.equal(await signingOut, true);
    await settled();
    assert.doesNotMatch(store.all, /refresh:/);
    assert.deepEqual([server.sessions[0]?.ended, ends(seen), latchkey.session.state], ['session_ended', ['user'], 'signed_out']);
  });
}

test('an app that is offline is signed out here at once, and on the server later', async () => {
  const { server, clock, store, latchkey, seen } = await signedIn();
  server.play = offline;
  const { revoked } = await latchkey.signOut();
  assert.equal(await revoked, false);
  assert.deepEqual([latchkey.session.state, ends(seen)], ['signed_out', ['user']]);
  server.play = undefined;
  await clock.advance(900);
  assert.equal(server.sessions[0]?.ended, 'session_ended');
  assert.doesNotMatch(store.all, /refresh:/);
});

test('a sign-out that the server has not heard of outlives the process', async () => {
  const first = await signedIn();
  first.server.play = offline;
  await first.latchkey.signOut();
  first.latchkey.close();
  first.server.play = undefined;
  const second = device({ server: first.server, store: first.store });
  assert.equal((await second.latchkey.ready()).state, 'signed_out');
  await settled();
  assert.equal(first.server.sessions[0]?.ended, 'session_ended');
  assert.doesNotMatch(first.store.all, /refresh:/);
});

test('a refresh whose answer was lost does not stop a later sign-out', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(301);
  server.play = ({ path }, real) => {
    real();
    return path.endsWith('/refresh') ? offline() : real();
  };
  await assert.rejects(latchkey.fetch(profile), { kind: 'network' });
  server.play = undefined;
  const { revoked } = await latchkey.signOut();
  assert.equal(await revoked, true);
  assert.ok(server.sessions[0]?.ended);
});

test('a sign-in that ends after a sign-out does not sign in, and leaves no session behind', async () => {
  const { server, store, latchkey } = device();
  server.play = async ({ path }, real) => {
    if (path.endsWith('/login')) {
      await latchkey.signOut();
    }
    return real();
  };
  await assert.rejects(latchkey.signIn(credentials), { kind: 'nothing_pending' });
  await settled();
  assert.equal(server.sessions[0]?.ended, 'session_ended');
  assert.doesNotMatch(store.all, /refresh:/);
});

test('a sign-in whose pair cannot be stored fails, and leaves no session behind', async () => {
  const { server, store, latchkey } = device();
  await latchkey.ready();
  store.fault = (operation, name) => {
    if (operation === 'write' && name.startsWith('slot')) {
      throw new Error('full');
    }
  };
  await assert.rejects(latchkey.signIn(credentials), { kind: 'store' });
  await settled();
  assert.deepEqual([latchkey.session.state, server.sessions[0]?.ended], ['signed_out', 'session_ended']);
});

test('signing in over another session ends that one', async () => {
  const { server, latchkey } = await signedIn();
  await latchkey.signIn(credentials);
  await settled();
  assert.deepEqual(server.sessions.map((session) => session.ended), ['session_ended', undefined]);
  assert.equal((await latchkey.fetch(profile)).status, 200);
});

test('where the store is locked a sign-out says so, deletes nothing, and holds all the same', async () => {
  const { server, store, latchkey } = await signedIn();
  store.done.length = 0;
  store.fault = deviceLocked;
  await assert.rejects(latchkey.signOut(), { kind: 'locked' });
  await settled();
  assert.deepEqual([latchkey.session.state, server.sessions[0]?.ended], ['signed_out', 'session_ended']);
  assert.ok(!store.done.some((done) => done.startsWith('remove')));
  store.fault = undefined;
  await assert.rejects(latchkey.refresh(), { kind: 'signed_out' });
  assert.doesNotMatch(store.all, /refresh:/);
});

test('signing out twice is one end', async () => {
  const { latchkey, seen } = await signedIn();
  await Promise.all([latchkey.signOut(), latchkey.signOut()]);
  await latchkey.signOut();
  assert.deepEqual(ends(seen), ['user']);
});

test('what another process has signed out is signed out here, with its reason', async () => {
  const one = await signedIn();
  const two = device({ server: one.server, clock: one.clock, store: one.store });
  await two.latchkey.ready();
  await two.latchkey.signOut();
  await one.clock.advance(301);
  await assert.rejects(one.latchkey.fetch(profile), { kind: 'signed_out', code: 'user' });
  assert.deepEqual(ends(one.seen), ['user']);
});

test('the last device of a deleted account is signed out with that answer', async () => {
  const { server, latchkey, seen } = await signedIn();
  server.play = ({ method, path }, real) =>
    method === 'DELETE' && path.endsWith('/account') ? Response.json({ status: 200, data: { deletes_at: 1791209600 } }) : real();
  assert.equal((await latchkey.fetch('/_allauth/app/v1/account', { method: 'DELETE' })).status, 200);
  assert.deepEqual(ends(seen), ['account_deleted']);
});
