import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLatchkey, LatchkeyError, memoryStorage } from '../src/index.js';
import { device, deviceLocked, ends, profile, signedIn, Store } from './stand-in/device.js';

const hidden = (operation: string): null | never => (operation === 'read' ? null : deviceLocked());
const broken = (): never => {
  throw new Error('input/output error');
};

for (const [name, fault, state, kind] of [
  ['is locked', deviceLocked, 'locked', 'locked'],
  ['says "not found" because it is locked', hidden, 'locked', 'locked'],
  ['cannot be read', broken, 'unknown', 'store'],
] as const) {
  test(`at launch a store that ${name} is no sign-out: nothing is sent or deleted, and it passes by itself`, async () => {
    const first = await signedIn();
    const store = Object.assign(new Store(), { texts: first.store.texts, fault });
    const { latchkey, server, clock, seen } = device({ server: first.server, store });
    await assert.rejects(latchkey.fetch(profile), { kind, action: 'retry' });
    await assert.rejects(latchkey.ready(), { kind });
    const before = server.requests.length;
    assert.deepEqual([latchkey.session.state, ends(seen)], [state, []]);
    await assert.rejects(latchkey.signIn({ email: 'ada@example.com', password: 'right' }), { kind });
    assert.equal(server.requests.length, before);
    assert.ok(!store.done.some((done) => done.startsWith('remove')));
    store.fault = undefined as never;
    await clock.advance(60);
    assert.equal(latchkey.session.state, 'signed_in');
    assert.equal((await latchkey.fetch(profile)).status, 200);
  });
}

test('a store that fails while the app runs costs a typed error, and no refresh', async () => {
  const { server, clock, store, latchkey, seen } = await signedIn();
  await clock.advance(301);
  for (const [fault, kind] of [[deviceLocked, 'locked'], [broken, 'store'], [hidden, 'locked']] as const) {
    store.fault = fault;
    for (let i = 0; i < 5; i++) {
      await assert.rejects(latchkey.fetch(profile), { kind });
    }
  }
  store.fault = undefined;
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.deepEqual([server.refreshes, ends(seen)], [1, []]);
});

test('a key that the device has lost for good ends the session, with that reason', async () => {
  const first = await signedIn();
  const store = Object.assign(new Store(), {
    texts: first.store.texts,
    fault: (operation: string) => {
      if (operation === 'read') {
        throw new LatchkeyError('store', 'lost', { code: 'storage_key_lost' });
      }
    },
  });
  const { latchkey, seen } = device({ server: first.server, store });
  await assert.rejects(latchkey.ready(), { code: 'storage_key_lost' });
  assert.deepEqual(ends(seen), ['storage_key_lost']);
  assert.match(store.all, /refresh:/, 'nothing is deleted by itself');
});

test('the store holds no access token, no session token and no profile, in two slots of at most 1,024 bytes', async () => {
  const { clock, store, latchkey } = await signedIn();
  await clock.advance(301);
  const access = await latchkey.accessToken();
  assert.deepEqual([...store.texts.keys()].sort(), ['device', 'probe', 'slot-0', 'slot-1']);
  for (const secret of [access, '"st"', 'ada']) {
    assert.ok(!store.all.includes(secret), secret);
  }
  assert.ok([...store.texts.values()].every((text) => text.length <= 1_024));
});

test('React Native refuses a store that is not secure', () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { product: 'ReactNative' }, configurable: true });
  try {
    const options = { baseUrl: 'https://auth.example.com' };
    assert.throws(() => createLatchkey({ ...options, storage: memoryStorage() }), /secure/);
    createLatchkey({ ...options, storage: new Store() }).close();
  } finally {
    if (before) {
      Object.defineProperty(globalThis, 'navigator', before);
    } else {
      delete (globalThis as { navigator?: unknown }).navigator;
    }
  }
});

test('plain HTTP is refused, except to this machine', () => {
  for (const baseUrl of ['http://auth.example.com', 'http://localhost.example.com', 'http://127.0.0.1.example.com', 'ftp://x', 'auth.example.com', 'https://', 'http://10.0.2.2:8080']) {
    assert.throws(() => createLatchkey({ baseUrl, storage: memoryStorage() }), /https/, baseUrl);
  }
  for (const baseUrl of ['https://auth.example.com/', 'http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080']) {
    createLatchkey({ baseUrl, storage: memoryStorage() }).close();
  }
  createLatchkey({ baseUrl: 'http://192.168.1.20:8080', storage: memoryStorage(), allowInsecureHttp: true }).close();
});

test('a listener that throws is reported, and does not stop the others', async (t) => {
  const { latchkey } = await signedIn();
  const states: string[] = [];
  const reported = t.mock.method(console, 'error', () => undefined);
  latchkey.onChange(() => broken());
  const stop = latchkey.onChange(({ state }) => states.push(state));
  await latchkey.signOut();
  stop();
  assert.deepEqual(states, ['signed_out']);
  assert.match(String(reported.mock.calls[0]?.arguments.join()), /input/);
});
