// APIs of the app's own that answer 401 although the token is new.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { profile, signedIn } from './stand-in/device.js';

const bad = 'https://bad.example.com/orders';
const good = 'https://good.example.com/orders';
const origins = ['https://bad.example.com', 'https://good.example.com'];
const refusal = (): Response => new Response('no', { status: 401 });

for (const every of [2, 10, 60]) {
  test(`an API that always answers 401, asked each ${every} s, costs six refreshes in ten minutes at most, and no other call`, async () => {
    const { server, clock, latchkey } = await signedIn({}, { origins });
    server.life = 3_600;
    server.play = ({ path }, real) => (path === bad ? refusal() : path === good ? new Response('{}') : real());
    await latchkey.refresh();
    const times: number[] = [];

    for (let second = 0; second < 3_600; second += every) {
      const before = server.refreshes;
      assert.equal((await latchkey.fetch(bad)).status, 401);
      assert.equal((await latchkey.fetch(good)).status, 200);
      assert.equal((await latchkey.fetch(profile)).status, 200);
      times.push(...Array.from({ length: server.refreshes - before }, () => second));
      await clock.advance(every);
    }
    const most = Math.max(...times.map((at) => times.filter((other) => other >= at && other < at + 600).length));
    assert.ok(times.length > 1 && most <= 6, `${most} refreshes`);
  });
}

test('an API that always answers 401 keeps no expired token from its refresh', async () => {
  const { server, clock, latchkey } = await signedIn({}, { origins });
  server.play = ({ path }, real) => (path === bad ? refusal() : real());
  for (let second = 0; second < 3_600; second += 10) {
    await latchkey.fetch(bad);
    assert.equal((await latchkey.fetch(profile)).status, 200, `after ${second} s`);
    await clock.advance(10);
  }
});

test('where one API refuses what is new, a 401 of another one is still refreshed for', async () => {
  const { server, clock, latchkey } = await signedIn({}, { origins });
  server.life = 36_000;
  await latchkey.refresh();
  server.play = ({ path }, real) => (path === bad ? refusal() : real());
  for (let second = 0; second < 300; second++) {
    await latchkey.fetch(bad);
    await clock.advance(1);
  }
  const before = server.refreshes;
  const dead = `Bearer ${await latchkey.accessToken()}`;
  server.play = ({ path, headers }, real) => (path === good ? (headers.get('Authorization') === dead ? refusal() : new Response('{}')) : real());
  assert.equal((await latchkey.fetch(good)).status, 200);
  assert.equal(server.refreshes, before + 1);
});

test('100 parallel calls that are refused although the token is new count as one', async () => {
  const { server, clock, latchkey } = await signedIn({}, { origins });
  server.play = ({ path }, real) => (path === bad ? refusal() : real());
  await Promise.all(Array.from({ length: 100 }, () => latchkey.fetch(bad)));
  assert.equal(server.refreshes, 1);
  await clock.advance(2);
  await latchkey.fetch(bad);
  assert.equal(server.refreshes, 2, 'the wait is one of a first refusal');
});
