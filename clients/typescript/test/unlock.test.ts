import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reauthenticateWithCode } from '../src/second-factor.js';
import { settled } from './stand-in/clock.js';
import { device, ends, profile, signedIn, Store, type Device } from './stand-in/device.js';
import { signedInAs } from './stand-in/passkeys.js';

type Answer = 'unlocked' | 'dismissed' | 'changed';

/** A phone that was started with a session in its store, and asks for face or finger. */
async function locked(answer: () => Answer | Promise<Answer>): Promise<Device & { prompts: () => number }> {
  const first = await signedIn();
  let prompts = 0;
  const unlock = async (): Promise<Answer> => {
    prompts++;
    return answer();
  };
  const store = Object.assign(new Store(), { texts: first.store.texts, unlock });
  const made = device({ server: first.server, store });
  await made.latchkey.ready();
  return { ...made, prompts: () => prompts };
}

test('50 requests while locked wait for one prompt', async () => {
  const { latchkey, server, prompts } = await locked(async (): Promise<Answer> => {
    await settled();
    return 'unlocked';
  });
  assert.deepEqual(latchkey.session, { state: 'signed_in', userId: 4711, user: undefined, needsUnlock: true });
  const answers = await Promise.all(Array.from({ length: 50 }, () => latchkey.fetch(profile)));
  assert.ok(answers.every((answer) => answer.status === 200));
  assert.deepEqual([prompts(), server.refreshes], [1, 1]);
  assert.equal(latchkey.session.state === 'signed_in' && latchkey.session.needsUnlock, false);
});

test('a dismissed prompt is a typed error, and requests bring up no other one for 30 seconds', async () => {
  let answer: Answer = 'dismissed';
  const { latchkey, server, clock, seen, prompts } = await locked(() => answer);
  const failures = await Promise.allSettled(Array.from({ length: 50 }, () => latchkey.fetch(profile)));
  assert.ok(failures.every((f) => f.status === 'rejected' && (f.reason as { kind: string }).kind === 'cancelled'));
  await clock.advance(29);
  await assert.rejects(latchkey.fetch(profile), { kind: 'cancelled', code: 'unlock_dismissed' });
  assert.deepEqual([prompts(), server.count(profile), ends(seen)], [1, 0, []]);
  await clock.advance(2);
  answer = 'unlocked';
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.equal(prompts(), 2);
});

test('who presses the button is asked at once', async () => {
  let answer: Answer = 'dismissed';
  const { latchkey, prompts } = await locked(() => answer);
  await assert.rejects(latchkey.unlock(), { kind: 'cancelled' });
  answer = 'unlocked';
  await latchkey.unlock();
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.equal(prompts(), 2);
});

test('refreshing and signing out never prompt', async () => {
  const { latchkey, server, prompts } = await locked(() => 'unlocked');
  await latchkey.refresh();
  assert.equal(server.refreshes, 1);
  await latchkey.signOut();
  assert.equal(prompts(), 0);
});

test('other faces or fingers than before sign out, with that reason', async () => {
  const { latchkey, server, seen } = await locked(() => 'changed');
  await assert.rejects(latchkey.fetch(profile), { kind: 'signed_out', code: 'biometrics_changed' });
  await settled();
  assert.deepEqual([ends(seen), server.sessions[0]?.ended], [['biometrics_changed'], 'session_ended']);
});

test('an app in the background locks itself, and signing in unlocks', async () => {
  const { latchkey, prompts } = await locked(() => 'unlocked');
  await latchkey.fetch(profile);
  latchkey.lock();
  await latchkey.fetch(profile);
  assert.equal(prompts(), 2);
  latchkey.lock();
  await latchkey.signIn({ email: 'ada@example.com', password: 'right' });
  await latchkey.fetch(profile);
  assert.equal(prompts(), 2);
});

test('a caller who leaves does not close the prompt of the others', async () => {
  let close: (answer: Answer) => void = () => undefined;
  const { latchkey, prompts } = await locked(() => new Promise((resolve) => (close = resolve)));
  const controller = new AbortController();
  const leaving = assert.rejects(latchkey.fetch(profile, { signal: controller.signal }), { kind: 'cancelled' });
  const staying = latchkey.fetch(profile);
  await settled();
  controller.abort();
  await leaving;
  close('unlocked');
  assert.equal((await staying).status, 200);
  assert.equal(prompts(), 1);
});

test('the time limit of a call begins once the person has passed the prompt', async () => {
  let pass: ((answer: Answer) => void) | undefined;
  const { latchkey, server, clock } = await locked(() => new Promise<Answer>((resolve) => (pass = resolve)));
  server.play = ({ path }, real) => (path.endsWith('/reauthenticate') ? signedInAs(0) : real());
  const proof = reauthenticateWithCode(latchkey, '123456');
  await settled();
  await clock.advance(60);
  assert.equal(server.count('/reauthenticate'), 0);
  pass?.('unlocked');
  await proof;
  assert.equal(server.count('/reauthenticate'), 1);
});

test('the time limit of a call does not run while a refresh goes on, and then it does', async () => {
  const { latchkey, server, clock } = await signedIn();
  await clock.advance(301);
  const held = new Set<() => void>();
  server.play = async (_, real) => {
    await new Promise<void>((resolve) => held.add(resolve));
    return real();
  };
  const proof = assert.rejects(reauthenticateWithCode(latchkey, '123456'), { kind: 'network' });
  await settled();
  await clock.advance(14);
  held.forEach((release) => release());
  await settled();
  await clock.advance(14); // 28 seconds since the call, 14 since it was sent
  assert.equal(server.count('/reauthenticate'), 1);
  let ended = false;
  void proof.finally(() => (ended = true));
  await settled();
  assert.equal(ended, false);
  await clock.advance(1);
  await proof;
});

test('what a store of the app throws at its prompt is typed', async () => {
  const { latchkey } = await locked(() => {
    throw new Error('no activity');
  });
  await assert.rejects(latchkey.fetch(profile), { name: 'LatchkeyError', kind: 'store' });
});
