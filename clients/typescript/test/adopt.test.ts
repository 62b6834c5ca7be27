// Tokens that another client of the app has left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { adopt } from '../src/adopt.js';
import { LatchkeyError, type Latchkey } from '../src/index.js';
import { settled } from './stand-in/clock.js';
import { credentials, device, ends, profile, signedIn, Store, type Device } from './stand-in/device.js';
import { json } from './stand-in/server.js';

/** What a plain axios client with AsyncStorage has left: its items, and a server that knows them. */
async function left(): Promise<Device & { items: Map<string, string> }> {
  const plain = device();
  plain.server.sessions.push({ generation: 0, key: null, confirmed: false, ended: undefined });
  const jti = Buffer.from(JSON.stringify({ jti: '0-0', sid: 0 })).toString('base64url');
  const items = new Map([['refresh_token', `h.${jti}.0:refresh:0:0`], ['access_token', 'h.e30.s']]);
  return { ...plain, items };
}

/** The recipe of the README. */
async function takeOver(latchkey: Latchkey, items: Map<string, string>): Promise<void> {
  const refreshToken = items.get('refresh_token');
  if (refreshToken) {
    try {
      await adopt(latchkey, { refreshToken, accessToken: items.get('access_token') });
    } catch (error) {
      if (!(error instanceof LatchkeyError) || error.kind !== 'signed_out') {
        throw error; // again at the next start
      }
    }
    items.delete('access_token');
    items.delete('refresh_token');
  }
}

test('the items of a plain client are taken over with one refresh, and deleted after that', async () => {
  const { server, latchkey, items, store } = await left();
  await takeOver(latchkey, items);
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.deepEqual([items.size, server.refreshes, latchkey.session.state], [0, 1, 'signed_in']);
  assert.ok(store.all.includes('refresh:0:1'));
});

for (const point of ['the write of the record', 'the request', 'the answer', 'the write of the pair', 'the deletion']) {
  test(`cut at ${point}, the next start goes on, and nobody is signed out`, async () => {
    const { server, items, store } = await left();
    const cut = (): never => {
      throw new Error('killed');
    };
    const first = device({ server, store });
    let writes = 0;
    store.fault = (operation, name) => {
      if (operation === 'write' && name.startsWith('slot-') && ++writes === { 'the write of the record': 1, 'the write of the pair': 2 }[point]) {
        cut();
      }
    };
    server.play = ({ path }, real) => {
      if (path.endsWith('/refresh') && point === 'the request') {
        cut();
      }
      const answer = real();
      return path.endsWith('/refresh') && point === 'the answer' ? cut() : answer;
    };
    const kept = new Map(items);
    await takeOver(first.latchkey, items).catch(() => undefined);
    server.play = undefined;
    const next = device({ server, store: Object.assign(new Store(), { texts: store.texts }) });
    await takeOver(next.latchkey, kept);
    assert.equal((await next.latchkey.fetch(profile)).status, 200);
    assert.deepEqual([server.sessions[0]?.ended, ends(next.seen).filter(Boolean)], [undefined, []]);
  });
}

test('a token that the server refuses for good is kind signed_out, and leaves no record', async () => {
  const { server, latchkey, items, store } = await left();
  server.sessions[0]!.ended = 'session_ended';
  await assert.rejects(adopt(latchkey, { refreshToken: items.get('refresh_token')! }), { kind: 'signed_out', code: 'session_ended' });
  assert.doesNotMatch(store.all, /refresh:/);
});

test('over a session: that one is ended once the token is taken, and stays where it is refused', async () => {
  for (const refused of [false, true]) {
    const { server, items, store } = await left();
    const { latchkey, seen } = await signedIn({ server, store });
    server.sessions[0]!.ended = refused ? 'session_ended' : undefined;
    const adopting = adopt(latchkey, { refreshToken: items.get('refresh_token')! });
    await (refused ? assert.rejects(adopting, { kind: 'signed_out', code: 'session_ended' }) : adopting);
    await settled();
    assert.equal(server.sessions[1]?.ended, refused ? undefined : 'session_ended');
    assert.equal((await latchkey.fetch(profile)).status, 200);
    assert.deepEqual(ends(seen), []);
  }
});

test('a newer sign-in overtakes it', async () => {
  const { server, latchkey, items } = await left();
  let go: () => void = () => undefined;
  server.play = async ({ path }, real) => {
    await (path.endsWith('/refresh') ? new Promise<void>((resolve) => (go = resolve)) : undefined);
    return real();
  };
  const late = assert.rejects(adopt(latchkey, { refreshToken: items.get('refresh_token')! }), { kind: 'nothing_pending' });
  await settled();
  server.play = ({ path }, real) => (path.endsWith('/refresh') ? json(503, {}) : real());
  await latchkey.signIn(credentials);
  go();
  await late;
  assert.equal((await latchkey.fetch(profile)).status, 200);
});

test('nothing that prints a client shows a token', async () => {
  const { latchkey, store } = await signedIn();
  const access = await latchkey.accessToken();
  const refresh = /h\.[^"]*refresh:0:0/.exec(store.all)![0];
  const text = [inspect(latchkey, { depth: null, showHidden: true }), JSON.stringify(latchkey), String(latchkey), inspect(latchkey.session)].join();
  assert.ok(!text.includes(access) && !text.includes(refresh) && !text.includes('lkdt_'));
});
