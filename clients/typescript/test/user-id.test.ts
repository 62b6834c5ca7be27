import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameUser, type UserID } from '../src/index.js';
import { device, profile, signedIn } from './stand-in/device.js';
import { Server, user } from './stand-in/server.js';

test('ids of users are compared as text, whether they are numbers or strings', () => {
  const rows: [UserID | undefined, UserID | undefined, boolean][] = [
    [7, 7, true],
    [7, '7', true],
    ['9007199254740993', '9007199254740993', true],
    ['9007199254740993', '9007199254740992', false],
    ['6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b', '6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b', true],
    ['ABC', 'abc', false],
    [7, 8, false],
    [7, undefined, false],
    ['undefined', undefined, false],
    [undefined, undefined, true],
  ];
  for (const [a, b, same] of rows) {
    assert.equal(sameUser(a, b), same, `${a} and ${b}`);
    assert.equal(sameUser(b, a), same, `${b} and ${a}`);
  }
});

test('a session of a user whose id is text is refreshed, and found again after a restart', async () => {
  for (const id of ['9007199254740993', '6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'x'.repeat(64)]) {
    const server = Object.assign(new Server(), { user: { ...user, id } });
    const { clock, store, latchkey } = await signedIn({ server });
    await clock.advance(301);
    assert.equal((await latchkey.fetch(profile)).status, 200);
    assert.equal(server.refreshes, 1);
    latchkey.close();

    const again = device({ server, clock, store });
    await again.latchkey.ready();
    const { session } = again.latchkey;
    assert.deepEqual(session.state === 'signed_in' && session.userId, id);
    assert.equal((await again.latchkey.fetch(profile)).status, 200);
    again.latchkey.close();
  }
});
