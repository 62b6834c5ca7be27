import assert from 'node:assert/strict';
import { test } from 'node:test';
import { received } from '../src/access-token.js';
import { deviceClock } from '../src/clock.js';
import { StillClock } from './stand-in/clock.js';
import { device, profile, signedIn } from './stand-in/device.js';

const day = 86_400;

for (const wrong of [-3_650 * day, -day, -4_200, -120, 120, 4_200, day, 3_650 * day]) {
  test(`a wall clock that is ${wrong} s wrong changes nothing; a jump ahead costs a refresh, one back nothing`, async (t) => {
    for (const jump of [false, true]) {
      const now = Date.now;
      t.mock.method(Date, 'now', () => now() + wrong * 1_000);
      const { server, clock, latchkey } = await signedIn();
      if (jump) {
        t.mock.restoreAll();
      }
      for (let minute = 0; minute < 30; minute++) {
        assert.equal((await latchkey.fetch(profile)).status, 200);
        await clock.advance(60);
      }
      const jumpsAhead = jump && wrong <= -300;
      assert.equal(server.refreshes, jumpsAhead ? 6 : 5); // 30 minutes, in lives of 300 s less what it is ahead
      t.mock.restoreAll();
    }
  });
}

test('a token is renewed ahead of its end, before any request fails', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(269);
  await latchkey.fetch(profile);
  assert.equal(server.refreshes, 0);
  await clock.advance(2);
  await latchkey.fetch(profile);
  assert.deepEqual([server.refreshes, server.count(profile)], [1, 2]);
});

test('a 401 overrides what the clock says: a phone that slept has a clock that stood still', async () => {
  const { server, latchkey } = await signedIn();
  const first = `Bearer ${await latchkey.accessToken()}`;
  server.play = ({ path, headers }, real) =>
    path === profile && headers.get('Authorization') === first ? Response.json({ status: 401, data: { flows: [] }, meta: { is_authenticated: false } }, { status: 401 }) : real();
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.deepEqual([server.refreshes, server.count(profile)], [1, 2]);
});

test('a token whose life cannot be read is used until a 401', () => {
  const clock = new StillClock();
  for (const text of ['', 'opaque', 'a.b.c', 'a.bm90IGpzb24.c']) {
    assert.equal(received(text, clock).renew, Infinity, text);
  }
});

test('a life of seconds is not renewed at once', async () => {
  const made = device();
  made.server.life = 10;
  await made.latchkey.signIn({ email: 'ada@example.com', password: 'right' });
  await made.latchkey.fetch(profile);
  assert.equal(made.server.refreshes, 0);
});

test('the clock of the device does not go back', async () => {
  const clock = deviceClock();
  const before = clock.monotonic();
  const awake = setTimeout(() => undefined, 60_000); // the clock's own timers let a program end
  await new Promise<void>((resolve) => void clock.setTimer(resolve, 1));
  clearTimeout(awake);
  assert.ok(clock.monotonic() >= before);
});
