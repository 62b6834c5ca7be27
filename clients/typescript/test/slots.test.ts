import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatchkeyError } from '../src/index.js';
import { encode } from '../src/record.js';
import { createSlots, type Slots } from '../src/slots.js';
import { StillClock } from './stand-in/clock.js';
import { deviceLocked, Store } from './stand-in/device.js';

const always = (): boolean => true;
const content = (n: number): { refreshToken: string; idempotencyKey: string; userId: number } => ({ refreshToken: `token-${n}`, idempotencyKey: `key-${n}`, userId: 1 });

async function filled(store: Store, n: number): Promise<Slots> {
  const slots = createSlots(store, new StillClock());
  for (let i = 1; i <= n; i++) {
    await slots.replace(await slots.read(), content(i), always);
  }
  return slots;
}

test('records alternate between two slots, and the last one counts', async () => {
  const store = new Store();
  const slots = await filled(store, 3);
  assert.deepEqual(store.done.filter((done) => done.startsWith('write slot')), ['write slot-1', 'write slot-0', 'write slot-1']);
  assert.equal((await slots.read())?.refreshToken, 'token-3');
});

test('a torn write leaves the record before it readable', async () => {
  const store = new Store();
  await filled(store, 3);
  store.texts.set('slot-0', (store.texts.get('slot-1') as string).slice(0, 40));
  assert.equal((await createSlots(store, new StillClock()).read())?.refreshToken, 'token-3');
});

test('a store that says yes and keeps half is found out before the record is used', async () => {
  const store = new Store();
  const slots = await filled(store, 2);
  const before = await slots.read();
  store.fault = (operation, _, text) => (operation === 'write' ? text?.slice(0, 30) : undefined);
  await assert.rejects(slots.replace(before, content(3), always), { kind: 'store' });
  store.fault = undefined;
  assert.equal((await slots.read())?.refreshToken, 'token-2');
});

test('whoever was overtaken by another process writes nothing', async () => {
  const store = new Store();
  const mine = await filled(store, 1);
  const before = await mine.read();
  await createSlots(store, new StillClock()).replace(before, content(2), always);
  assert.equal((await mine.replace(before, content(99), always))?.refreshToken, 'token-2');
  assert.doesNotMatch(store.all, /token-99/);
});

test('a sign-out overrules a refresh of another process that writes after it', async () => {
  const store = new Store();
  const before = await (await filled(store, 4)).read();
  await createSlots(store, new StillClock()).end({ reason: 'user' });
  store.texts.set('slot-1', encode({ ...content(5), sequence: (before?.sequence ?? 0) + 1 })); // one ahead of what it knew
  assert.equal((await createSlots(store, new StillClock()).read())?.endReason, 'user');
});

test('a slow refresh cleans up what it wrote after a sign-out', async () => {
  const store = new Store();
  const mine = await filled(store, 4);
  const before = await mine.read();
  const ended = encode({ sequence: (before?.sequence ?? 0) + 2, endReason: 'user' });
  store.fault = (operation, name, text) => {
    if (operation === 'write' && name === 'slot-1') {
      store.fault = undefined;
      store.texts.set('slot-0', ended);
      return text;
    }
    return undefined;
  };
  const found = await mine.replace(before, content(5), always);
  assert.equal(found?.endReason, 'user');
  assert.doesNotMatch(store.all, /token/);
});

test('an absence is believed only where a write is taken', async () => {
  const store = new Store();
  const slots = await filled(store, 2);
  store.fault = (operation) => (operation === 'read' ? null : deviceLocked());
  await assert.rejects(slots.read(), { kind: 'locked' });
  store.fault = undefined;
  assert.equal((await slots.read())?.refreshToken, 'token-2');
});

test('a failed read is an error, and nothing is deleted for it', async () => {
  const store = new Store();
  const slots = await filled(store, 2);
  for (const broken of ['slot-0', 'slot-1']) {
    store.fault = (operation, name) => {
      if (operation === 'read' && name === broken) {
        throw new Error('input/output error');
      }
    };
    await assert.rejects(slots.read(), (error: unknown) => error instanceof LatchkeyError && error.kind === 'store');
  }
  assert.equal(store.done.filter((done) => done.startsWith('remove')).length, 0);
});

test('ending removes the older copy first, so that no crash brings it back', async () => {
  const store = new Store();
  const slots = await filled(store, 4);
  store.done.length = 0;
  await slots.end({ reason: 'user' });
  const changes = store.done.filter((done) => !done.startsWith('read'));
  assert.deepEqual(changes, ['remove slot-1', 'write slot-0']);
  assert.doesNotMatch(store.all, /token/);
});

test('ending a session leaves another one alone', async () => {
  const store = new Store();
  const slots = await filled(store, 1);
  const first = await slots.read();
  await slots.replace(first, content(2), always);
  await slots.end({ reason: 'session_ended', only: first });
  assert.equal((await slots.read())?.refreshToken, 'token-2');
});

test('where a sign-out cannot be written, the record is removed', async () => {
  const store = new Store();
  const slots = await filled(store, 2);
  store.fault = (operation) => {
    if (operation === 'write') {
      throw new Error('full');
    }
  };
  await slots.end({ reason: 'user' });
  assert.doesNotMatch(store.all, /token/);
});

test('where the device is locked in the middle of a sign-out, nothing more is deleted', async () => {
  const store = new Store();
  const slots = await filled(store, 2);
  store.done.length = 0;
  store.fault = (operation) => (operation === 'write' ? deviceLocked() : undefined);
  await assert.rejects(slots.end({ reason: 'user' }), { kind: 'locked' });
  assert.deepEqual(store.done.filter((done) => done.startsWith('remove')), ['remove slot-1']); // the older copy, while it was open
});
