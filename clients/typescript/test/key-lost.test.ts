// A store that can never be read again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { credentials, device, deviceLocked, ends, profile, signedIn, Store, type Device } from './stand-in/device.js';

/** The next run of a device whose store holds what can never be read; what is written from now on can. */
async function lost(): Promise<Device & { unreadable: Set<string> }> {
  const first = await signedIn();
  const store = Object.assign(new Store(), { texts: first.store.texts });
  const unreadable = new Set(store.texts.keys());
  store.fault = (operation, name) => {
    if (operation === 'read' && unreadable.has(name) && store.texts.has(name)) {
      throw new Error('Could not decrypt the value with provided keychain');
    }
    if (operation === 'write') {
      unreadable.delete(name);
    }
  };
  return { ...device({ server: first.server, store }), unreadable };
}

async function aMinute({ latchkey, clock }: Device): Promise<void> {
  for (let i = 0; i < 7; i++) {
    await assert.rejects(latchkey.fetch(profile), { kind: 'store' });
    await clock.advance(10);
  }
}

test('a sign-in replaces it after a minute of failed reads, and not before', async () => {
  const held = await lost();
  await assert.rejects(held.latchkey.signIn(credentials), { kind: 'store' });
  await aMinute(held);
  assert.equal((await held.latchkey.signIn(credentials)).kind, 'signed_in');
  assert.deepEqual(ends(held.seen), ['storage_key_lost']);
  const next = device({ server: held.server, store: held.store });
  assert.equal((await next.latchkey.fetch(profile)).status, 200);
});

test('with force a sign-in and a sign-out replace it at once', async () => {
  const one = await lost();
  assert.equal((await one.latchkey.signIn(credentials, { force: true })).kind, 'signed_in');
  const two = await lost();
  await two.latchkey.signOut({ force: true });
  assert.deepEqual([two.latchkey.session, /refresh:/.test(two.store.all)], [{ state: 'signed_out', reason: 'storage_key_lost', endedAt: undefined }, false]);
});

test('a locked device is no lost key, however long it is locked', async () => {
  const held = await lost();
  held.store.fault = deviceLocked;
  for (let i = 0; i < 60; i++) {
    await assert.rejects(held.latchkey.fetch(profile), { kind: 'locked' });
    await held.clock.advance(60);
  }
  await assert.rejects(held.latchkey.signIn(credentials, { force: true }), { kind: 'locked' });
  held.store.fault = undefined;
  assert.equal((await held.latchkey.ready()).state, 'signed_in');
});
