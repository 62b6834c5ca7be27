import assert from 'node:assert/strict';
import { test } from 'node:test';
import { credentials, device, profile } from './stand-in/device.js';
import { json } from './stand-in/server.js';

/** Lets sign-ins hand out a device token, and returns what each request sent of it. */
function handingOut(server: ReturnType<typeof device>['server']): () => [string, string | null][] {
  server.play = async ({ path }, real) => {
    const answer = await real();
    if (!path.endsWith('/login')) {
      return answer;
    }
    const body = (await answer.json()) as { meta: object };
    return json(answer.status, { ...body, meta: { ...body.meta, device_token: 'lkdt_one' } });
  };
  return () => server.requests.map((path, n) => [path.slice(path.lastIndexOf('/') + 1), server.headers[n]?.get('X-Latchkey-Device') ?? null]);
}

test('a device token is sent by later sign-ins, after a sign-out too, and nowhere else', async () => {
  const { server, latchkey } = device();
  const sent = handingOut(server);
  await latchkey.signIn(credentials);
  await latchkey.fetch(profile);
  await (await latchkey.signOut()).revoked;
  await latchkey.signIn(credentials);
  const signIns = sent().filter(([name]) => name === 'login');
  assert.deepEqual(signIns, [
    ['login', null],
    ['login', 'lkdt_one'],
  ]);
  assert.deepEqual(
    sent().filter(([name, token]) => name !== 'login' && token),
    [],
  );
});

test('a store that does not keep the device token stops no sign-in', async () => {
  const { server, store, latchkey } = device();
  handingOut(server);
  store.fault = (_, name) => {
    if (name === 'device') {
      throw new Error('broken');
    }
  };
  assert.equal((await latchkey.signIn(credentials)).kind, 'signed_in');
});
