// Sessions that a newer one replaces, or that nobody has: the server is asked to end each, and no other one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settled } from './stand-in/clock.js';
import { credentials, device, profile, signedIn, Store, type Device } from './stand-in/device.js';

const untold = ({ path, method }: { path: string; method: string }, real: () => Response): Response => {
  if (method === 'DELETE' || path.endsWith('/refresh')) {
    throw new TypeError('fetch failed');
  }
  return real();
};

/** The next run of the program, with what the store has. */
async function nextRun({ server, store, latchkey }: Device): Promise<Device> {
  latchkey.close();
  server.play = undefined;
  const next = device({ server, store });
  await next.latchkey.ready();
  await settled();
  return next;
}

function kept({ store }: Device): string[] {
  return [...store.texts.keys()].filter((name) => name.startsWith('ending'));
}

test('of sessions that were replaced while the server could not be asked, the next run ends each', async () => {
  const first = await signedIn();
  first.server.play = untold;
  for (let n = 0; n < 3; n++) {
    await first.latchkey.signIn(credentials);
    await settled();
  }
  assert.equal(kept(first).length, 3);

  const second = await nextRun(first);
  const over = 'session_ended';
  assert.deepEqual(second.server.sessions.map(({ ended }) => ended), [over, over, over, undefined]);
  assert.deepEqual(kept(second), []);
  assert.equal((await second.latchkey.fetch(profile)).status, 200);
});

test('a sign-out that the server has not heard of outlives the process and the sign-in that takes its slot', async () => {
  const first = await signedIn();
  first.server.play = untold;
  await (await first.latchkey.signOut()).revoked;
  await first.latchkey.signIn(credentials);
  first.server.play = ({ path, headers }, real) => {
    if (path.endsWith('/session') || headers.get('Idempotency-Key') === first.server.keys[0]) {
      throw new TypeError('fetch failed');
    }
    return real();
  };
  await first.latchkey.refresh();

  const second = await nextRun(first);
  assert.deepEqual(second.server.sessions.map(({ ended }) => ended), ['session_ended', undefined]);
  assert.doesNotMatch(second.store.all, /:refresh:0:/);
  assert.deepEqual(kept(second), []);
});

test('a program that was killed before a sign-in was written goes on with the session that was to end', async () => {
  const first = await signedIn();
  const left = new Store();
  first.store.fault = (operation, name) => {
    if (operation === 'write' && name.startsWith('slot') && left.texts.size === 0) {
      first.store.texts.forEach((text, key) => left.texts.set(key, text)); // what a process killed here leaves
    }
  };
  first.server.play = untold;
  await first.latchkey.signIn(credentials);
  assert.equal(kept({ ...first, store: left }).length, 1);

  const second = await nextRun({ ...first, store: left });
  await second.latchkey.refresh(); // from now on its key is another one
  const third = await nextRun(second);
  assert.equal((await third.latchkey.fetch(profile)).status, 200);
  assert.equal(third.server.sessions[0]?.ended, undefined);
});

test('a sign-in that the store does not take leaves nothing that ends the session before', async () => {
  const first = await signedIn();
  first.store.fault = (operation, name) => {
    if (operation === 'write' && name.startsWith('slot')) {
      throw new Error('no space left');
    }
  };
  await assert.rejects(first.latchkey.signIn(credentials), { kind: 'store' });
  await settled();
  assert.deepEqual(kept(first), []);
  first.store.fault = undefined;
  await first.latchkey.refresh();

  const second = await nextRun(first);
  assert.equal((await second.latchkey.fetch(profile)).status, 200);
  assert.deepEqual(second.server.sessions.map(({ ended }) => ended), [undefined, 'session_ended']);
});

test('`close` of one client leaves the timers of another one with the same store', async () => {
  const store = Object.assign(new Store(), { id: `shared ${Math.random()}` });
  const one = await signedIn({ store });
  const other = device({ server: one.server, clock: one.clock, store });
  one.server.play = untold;
  await (await other.latchkey.signOut()).revoked;
  one.server.play = undefined;

  one.latchkey.close();
  one.latchkey.close(); // a second time is no other client's
  await one.clock.advance(900);
  assert.equal(one.server.sessions[0]?.ended, 'session_ended');

  await other.latchkey.signIn(credentials);
  one.server.play = untold;
  await (await other.latchkey.signOut()).revoked;
  one.server.play = undefined;
  other.latchkey.close();
  await one.clock.advance(900);
  assert.equal(one.server.sessions[1]?.ended, undefined, 'the last one has stopped them');
});
