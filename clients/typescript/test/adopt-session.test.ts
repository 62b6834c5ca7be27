// The session token that an app of allauth's session tokens has left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adopt } from '../src/adopt.js';
import { LatchkeyError, type Latchkey } from '../src/index.js';
import { settled } from './stand-in/clock.js';
import { credentials, device, ends, profile, signedIn, Store, type Device } from './stand-in/device.js';
import { json } from './stand-in/server.js';

const isExchange = (path: string): boolean => path.endsWith('/token/exchange');

/** What an app with AsyncStorage has left: its item, and a server that knows it. */
async function left(): Promise<Device & { items: Map<string, string> }> {
  const plain = device();
  plain.server.sessions.push({ generation: 0, key: null, confirmed: false, ended: undefined });

  return { ...plain, items: new Map([['session_token', 'app:0']]) };
}

/** The recipe of the README. */
async function takeOver(latchkey: Latchkey, items: Map<string, string>): Promise<void> {
  const sessionToken = items.get('session_token');
  if (sessionToken) {
    try {
      await adopt(latchkey, { sessionToken });
    } catch (error) {
      if (!(error instanceof LatchkeyError) || error.kind !== 'signed_out') {
        throw error; // again at the next start
      }
    }
    items.delete('session_token');
  }
}

test('it is exchanged once, and nothing of it is kept', async () => {
  const { server, latchkey, items, store } = await left();
  await takeOver(latchkey, items);
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.deepEqual([items.size, server.count('/token/exchange'), latchkey.session.state], [0, 1, 'signed_in']);
  assert.doesNotMatch(store.all, /app:0/);
  const sent = server.headers[server.requests.findIndex((request) => isExchange(request))]!;
  assert.deepEqual([sent.get('X-Session-Token'), sent.has('Authorization')], ['app:0', false]);

  await adopt(latchkey, { sessionToken: 'app:0' }); // the app had not deleted it
  await latchkey.refresh();
  const next = device({ server, store });
  await adopt(next.latchkey, { sessionToken: 'app:0' });
  assert.deepEqual([server.count('/token/exchange'), next.latchkey.session.state], [1, 'signed_in']);
  assert.deepEqual(ends(next.seen), []);
});

for (const point of ['the write of the record', 'the request', 'the answer', 'the write of the pair', 'the removal', 'the deletion']) {
  test(`cut at ${point}, the next start goes on, and nobody is signed out`, async () => {
    const { server, items, store } = await left();
    const cut = (): never => {
      throw new Error('killed');
    };
    const first = device({ server, store });
    let writes = 0;
    store.fault = (operation, name) => {
      const ofSlot = name.startsWith('slot-');
      if (ofSlot && operation === 'write' && ++writes === { 'the write of the record': 1, 'the write of the pair': 2 }[point]) {
        cut();
      }
      if (ofSlot && operation === 'remove' && point === 'the removal') {
        cut();
      }
    };
    server.play = ({ path }, real) => {
      if (isExchange(path) && point === 'the request') {
        cut();
      }
      const answer = real();
      return isExchange(path) && point === 'the answer' ? cut() : answer;
    };
    const kept = new Map(items);
    await takeOver(first.latchkey, items).catch(() => undefined);
    server.play = undefined;
    const next = device({ server, store: Object.assign(new Store(), { texts: store.texts }) });
    await takeOver(next.latchkey, kept);
    await next.latchkey.refresh();
    assert.equal((await next.latchkey.fetch(profile)).status, 200);
    assert.deepEqual([server.sessions[0]?.ended, ends(next.seen).filter(Boolean), new Set(server.keys.slice(0, 1)).size], [undefined, [], 1]);
    assert.doesNotMatch([...store.texts.values()].join(), /app:0/);
  });
}

test('without an answer the user is signed in, and the next call goes on with the same key', async () => {
  const { server, latchkey, store, clock } = await left();
  server.play = ({ path }, real) => {
    const answer = real();
    if (isExchange(path)) {
      throw new TypeError('offline');
    }
    return answer;
  };
  await assert.rejects(adopt(latchkey, { sessionToken: 'app:0' }), { kind: 'network' });
  assert.equal(latchkey.session.state, 'signed_in');
  server.play = undefined;
  await clock.advance(16_000);
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.equal(new Set(server.keys).size, 1);
  assert.doesNotMatch(store.all, /app:0/);
});

const refusals: [string, (() => Response) | string, string][] = [
  ['is unknown', 'app:7', 'session_token_invalid'],
  ['is of a session that has ended', 'ended', 'session_ended'],
  ['has ended by a refresh', () => json(401, { data: { flows: [{ id: 'login' }] }, meta: { is_authenticated: false } }), 'session_token_invalid'],
  ['is of a sign-in that is not finished', () => json(401, { data: { flows: [{ id: 'verify_email', is_pending: true }] }, meta: {} }), 'session_token_invalid'],
];
for (const [what, how, code] of refusals) {
  test(`a token that ${what} is kind signed_out, leaves no record, and the session before stays`, async () => {
    const { server, store } = await left();
    const { latchkey, seen } = await signedIn({ server, store });
    server.sessions[0]!.ended = how === 'ended' ? 'session_ended' : undefined;
    server.play = ({ path }, real) => (isExchange(path) && typeof how === 'function' ? how() : real());
    const sessionToken = typeof how === 'string' && how !== 'ended' ? how : 'app:0';
    await assert.rejects(adopt(latchkey, { sessionToken }), { kind: 'signed_out', code });
    assert.doesNotMatch(store.all, /app:/);
    assert.equal((await latchkey.fetch(profile)).status, 200);
    assert.deepEqual([ends(seen), server.sessions[1]?.ended], [[], undefined]);
  });
}

test('what says nothing about the token keeps it', async () => {
  const answers = [
    () => json(503, { errors: [{ code: 'temporarily_unavailable', message: 'Later.' }] }, { 'Retry-After': '1' }),
    () => json(409, { errors: [{ code: 'refresh_conflict', message: 'Later.' }] }, { 'Retry-After': '1' }),
    () => new Response('<html>', { status: 410, headers: { 'Content-Type': 'text/html' } }),
    () => json(200, { data: {}, meta: { is_authenticated: true, access_token: 'h.e30.s' } }),
  ];
  for (const answer of answers) {
    const { server, latchkey, store, clock } = await left();
    server.play = ({ path }, real) => (isExchange(path) ? answer() : real());
    await assert.rejects(adopt(latchkey, { sessionToken: 'app:0' }));
    assert.equal(latchkey.session.state, 'signed_in');
    assert.match(store.all, /app:0/);
    server.play = undefined;
    await clock.advance(3_600_000);
    assert.equal((await latchkey.fetch(profile)).status, 200);
  }
});

test('over a session: that one is ended once the token is taken', async () => {
  const { server, store } = await left();
  const { latchkey } = await signedIn({ server, store });
  await adopt(latchkey, { sessionToken: 'app:0' });
  await settled();
  assert.deepEqual(server.sessions.map(({ ended }) => ended), [undefined, 'session_ended']);
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.doesNotMatch(store.all, /app:0/);
});

test('a sign-out before the exchange was answered ends the session later', async () => {
  const { server, latchkey, store, clock } = await left();
  server.play = ({ path }, real) => {
    if (isExchange(path)) {
      throw new TypeError('offline');
    }
    return real();
  };
  await adopt(latchkey, { sessionToken: 'app:0' }).catch(() => undefined);
  await latchkey.signOut();
  server.play = undefined;
  await clock.advance(3_600_000);
  await settled();
  assert.equal(server.sessions[0]?.ended, 'session_ended');
  assert.doesNotMatch(store.all, /app:0/);
  assert.equal(latchkey.session.state, 'signed_out');
});

test('a newer sign-in overtakes it', async () => {
  const { server, latchkey } = await left();
  let go: () => void = () => undefined;
  server.play = async ({ path }, real) => {
    await (isExchange(path) ? new Promise<void>((resolve) => (go = resolve)) : undefined);
    return real();
  };
  const late = assert.rejects(adopt(latchkey, { sessionToken: 'app:0' }), { kind: 'nothing_pending' });
  await settled();
  server.play = ({ path }, real) => (isExchange(path) ? json(503, {}) : real());
  await latchkey.signIn(credentials);
  go();
  await late;
  assert.equal((await latchkey.fetch(profile)).status, 200);
});
