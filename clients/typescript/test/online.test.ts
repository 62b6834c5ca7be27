// Waits after no answer: short ones, that end when the network is back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followNetwork, LatchkeyError } from '../src/index.js';
import { settled } from './stand-in/clock.js';
import { device, ends, profile, signedIn, type Device } from './stand-in/device.js';
import { json } from './stand-in/server.js';

const minute = 60;
const stale = 301;

const noNetwork = (): never => {
  throw new TypeError('fetch failed');
};
const busy = (): Response => json(503, { errors: [{ code: 'temporarily_unavailable', message: '' }] }, { 'Retry-After': '120' });

/** A device whose token has expired, and that has found out that there is no network. */
async function offline(random = 0.5): Promise<Device> {
  const held = await signedIn({}, { random: () => random });
  await held.clock.advance(stale);
  held.server.play = noNetwork;
  await assert.rejects(held.latchkey.fetch(profile), { kind: 'network' });
  return held;
}

for (const minutes of [1, 2, 5, 10, 30]) {
  test(`after ${minutes} minutes without network the first call succeeds within 15 s`, async () => {
    for (let run = 0; run < 20; run++) {
      const { server, clock, latchkey } = await offline(run / 20);

      for (let second = 0; second < minutes * minute; second += 15) {
        await clock.advance(15);
        await latchkey.fetch(profile).catch(() => undefined);
      }
      server.play = undefined;
      let seconds = 0;

      while (!(await latchkey.fetch(profile).then(Boolean, () => false))) {
        await clock.advance(1);
        seconds++;
      }
      assert.ok(seconds <= 15, `back after ${seconds} s`);
    }
  });
}

test('while the client waits after no answer its error is `network` with the cause, and nothing is sent', async () => {
  const { server, latchkey, seen } = await offline();
  const error: unknown = await latchkey.fetch(profile).then(String, (e: unknown) => e);
  assert.ok(error instanceof LatchkeyError);
  assert.deepEqual([error.kind, error.action, error.retryAfter, server.refreshes], ['network', 'retry', 2, 1]);
  assert.match(String((error.cause as LatchkeyError).cause), /fetch failed/);
  assert.deepEqual(ends(seen), []);
});

test('`online()` ends the wait after no answer', async () => {
  const { server, latchkey } = await offline();
  server.play = undefined;
  latchkey.online();
  assert.equal((await latchkey.fetch(profile)).status, 200);
});

test('`online()` does not end a wait that the server asked for', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(stale);
  server.play = busy;
  await assert.rejects(latchkey.fetch(profile), { kind: 'server', retryAfter: 120 });
  server.play = undefined;
  latchkey.online();
  await assert.rejects(latchkey.fetch(profile), { kind: 'server' });
  await assert.rejects(latchkey.refresh(), { kind: 'server' });
  assert.equal(server.refreshes, 1);
});

test('a user’s own `refresh()` may ask once while the client waits', async () => {
  const { server, latchkey } = await offline();
  await assert.rejects(latchkey.refresh(), { kind: 'network' });
  assert.equal(server.refreshes, 2);
  await assert.rejects(latchkey.refresh(), { kind: 'network' });
  assert.equal(server.refreshes, 2, 'one for each wait');
  const back = await offline();
  back.server.play = undefined;
  await back.latchkey.refresh();
  assert.equal((await back.latchkey.fetch(profile)).status, 200);
});

test('an attempt that hangs keeps a call of a client that was offline no longer than 2 s, and may still succeed', async () => {
  const { server, clock, latchkey } = await offline();
  await clock.advance(2);
  let answer: () => void = () => undefined;
  server.play = async ({ path }, real) => {
    await (path.endsWith('/refresh') ? new Promise<void>((resolve) => (answer = resolve)) : undefined);
    return real();
  };
  const calls = [latchkey.fetch(profile), latchkey.fetch(profile)].map((call) => assert.rejects(call, { kind: 'network' }));
  await settled();
  await clock.advance(2);
  await Promise.all(calls);
  answer();
  await settled();
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.equal(server.refreshes, 2);
});

test('a client that is told that the network is gone fails at once, and tries again before long', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(stale);
  latchkey.online(false);
  await assert.rejects(latchkey.fetch(profile), { kind: 'network' });
  assert.equal(server.refreshes, 0);
  await clock.advance(2);
  assert.equal((await latchkey.fetch(profile)).status, 200, 'the device may be wrong');
});

test('a sign-out that waits for the network is told to the server when that is back', async () => {
  const { server, latchkey } = await signedIn();
  server.play = noNetwork;
  const { revoked } = await latchkey.signOut();
  assert.equal(await revoked, false);
  server.play = undefined;
  latchkey.online();
  await settled();
  assert.equal(server.sessions[0]?.ended, 'session_ended');
});

test('`followNetwork` listens to NetInfo and AppState, and stops', () => {
  const told: boolean[] = [];
  const listeners: Record<string, (state: never) => void> = {};
  const stop = followNetwork(
    { online: (connected = true) => told.push(connected) },
    {
      netInfo: { addEventListener: (listener) => ((listeners['net'] = listener), () => delete listeners['net']) },
      appState: { addEventListener: (event, listener) => ((listeners[event] = listener), { remove: () => delete listeners[event] }) },
    },
  );
  for (const isConnected of [false, null, true]) {
    listeners['net']?.({ isConnected } as never);
  }
  for (const state of ['background', 'inactive', 'active']) {
    listeners['change']?.(state as never);
  }
  assert.deepEqual(told, [false, true, true]);
  stop();
  assert.deepEqual(listeners, {});
});

test('a wait after no answer keeps no call from a token that lives', async () => {
  const { server, clock, latchkey } = device();
  await latchkey.signIn({ email: 'ada@example.com', password: 'right' });
  await clock.advance(280);
  server.play = ({ path }, real) => (path.endsWith('/refresh') ? noNetwork() : real());
  for (let i = 0; i < 5; i++) {
    assert.equal((await latchkey.fetch(profile)).status, 200);
  }
  assert.equal(server.refreshes, 1);
});
