import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRetryable, LatchkeyError } from '../src/index.js';
import { decode } from '../src/record.js';
import { settled } from './stand-in/clock.js';
import { device, ends, profile, signedIn, Store } from './stand-in/device.js';
import { json } from './stand-in/server.js';

const stale = 301; // seconds after which an access token has ended
const html = '<html>Please sign in to the network</html>';

test('200 requests with an ended token cost one refresh, and all succeed', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(stale);
  const answers = await Promise.all(Array.from({ length: 200 }, () => latchkey.fetch(profile)));
  assert.ok(answers.every((answer) => answer.status === 200));
  assert.equal(server.refreshes, 1);
});

test('200 requests that are answered with 401 cost one refresh', async () => {
  const { server, latchkey } = await signedIn();
  let refused = 0;
  server.play = ({ path, headers }, real) => (path === profile && headers.get('Authorization') === first && ++refused ? unauthorized() : real());
  const first = `Bearer ${await latchkey.accessToken()}`;
  const answers = await Promise.all(Array.from({ length: 200 }, () => latchkey.fetch(profile)));
  assert.ok(answers.every((answer) => answer.status === 200));
  assert.deepEqual([refused, server.refreshes], [200, 1]);
});

test('two clients on one store refresh once between them', async () => {
  const store = Object.assign(new Store(), { id: 'shared-by-two' });
  const one = await signedIn({ store });
  const two = device({ ...one, store: Object.assign(new Store(), { id: 'shared-by-two' }) });
  await one.clock.advance(stale);
  const answers = await Promise.all([one, two].flatMap(({ latchkey }) => Array.from({ length: 25 }, () => latchkey.fetch(profile))));
  assert.ok(answers.every((answer) => answer.status === 200));
  assert.equal(one.server.refreshes, 1);
  one.latchkey.close();
  two.latchkey.close();
});

test('no request carries a new token before the store has the pair', async () => {
  const { server, clock, store, latchkey } = await signedIn();
  await clock.advance(stale);
  let written: () => void = () => undefined;
  store.slowly = new Promise<void>((resolve) => (written = resolve));
  const calls = Array.from({ length: 3 }, () => latchkey.fetch(profile));
  await settled();
  assert.deepEqual([server.refreshes, server.count(profile)], [1, 0]);
  written();
  await Promise.all(calls);
  assert.deepEqual([server.refreshes, server.count(profile)], [1, 3]);
});

test('where the store refuses the pair nothing uses it, and the next try is given the same one', async () => {
  const { server, clock, store, latchkey, seen } = await signedIn();
  await clock.advance(stale);
  store.fault = (operation) => {
    if (operation === 'write') {
      throw new Error('full');
    }
  };
  await assert.rejects(latchkey.fetch(profile), { kind: 'store', action: 'retry' });
  assert.equal(server.count(profile), 0);
  store.fault = undefined;
  await clock.advance(3 * 86_400);
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.deepEqual([server.sessions[0]?.generation, ends(seen)], [1, []]);
});

test('every try to spend a token sends the key that was stored with it', async () => {
  const { server, clock, store, latchkey, seen } = await signedIn();
  const stored = decode(store.texts.get('slot-1') as string)?.idempotencyKey;
  assert.match(stored ?? '', /^[A-Za-z0-9_-]{8,64}$/);
  await clock.advance(stale);
  server.play = ({ path }, real) => {
    const answer = real();
    if (path.endsWith('/refresh')) {
      throw new TypeError('connection reset'); // the server has rotated, and nothing arrives
    }
    return answer;
  };
  for (let lost = 0; lost < 5; lost++) {
    await assert.rejects(latchkey.fetch(profile), { kind: 'network' });
    await clock.advance(28_800);
  }
  server.play = undefined;
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.deepEqual(new Set(server.keys), new Set([stored]));
  assert.deepEqual([server.sessions[0]?.generation, ends(seen)], [1, []]);
});

test('a young token that the server repeats keeps its key, and the access token is the new one', async () => {
  const { server, clock, store, latchkey } = await signedIn();
  const keyOf = (): string | undefined => [...store.texts.values()].map(decode).sort((a, b) => (b?.sequence ?? 0) - (a?.sequence ?? 0))[0]?.idempotencyKey;
  const key = keyOf();
  server.young = true;
  const before = await latchkey.accessToken();
  for (let n = 0; n < 3; n++) {
    await clock.advance(stale);
    assert.equal((await latchkey.fetch(profile)).status, 200);
  }
  assert.notEqual(keyOf(), undefined);
  assert.deepEqual([keyOf(), server.refreshes, server.sessions[0]?.generation], [key, 3, 0]);
  assert.ok(before);
  server.young = false;
  await clock.advance(stale);
  await latchkey.fetch(profile);
  assert.deepEqual([new Set(server.keys), server.sessions[0]?.generation], [new Set([key]), 1]);
  assert.notEqual(keyOf(), key);
});

const conflict = (): Response => json(409, { errors: [{ code: 'refresh_conflict', message: 'Faster.' }] }, { 'Retry-After': '2' });

test('a conflict keeps the session: the store is read again, and the next refresh comes after Retry-After', async () => {
  const { server, clock, latchkey, seen } = await signedIn();
  await clock.advance(stale);
  server.play = ({ path }, real) => (path.endsWith('/refresh') ? conflict() : real());
  await assert.rejects(latchkey.fetch(profile), { kind: 'server', action: 'reread', code: 'refresh_conflict', retryAfter: 2 });
  await assert.rejects(latchkey.fetch(profile), { kind: 'server' });
  assert.equal(server.refreshes, 1);
  server.play = undefined;
  await clock.advance(3);
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.deepEqual(ends(seen), []);
});

test('a conflict with another process goes on at once with what that one stored', async () => {
  const one = await signedIn();
  await one.clock.advance(stale);
  let first = true;
  one.server.play = async ({ path }, real) => {
    if (path.endsWith('/refresh') && first) {
      first = false;
      await device({ server: one.server, clock: one.clock, store: one.store }).latchkey.fetch(profile);
      return conflict();
    }
    return real();
  };
  assert.equal((await one.latchkey.fetch(profile)).status, 200);
  assert.deepEqual(ends(one.seen), []);
});

test('a token that another process has spent is not spent again: its successor is', async () => {
  const one = await signedIn();
  const two = device({ server: one.server, clock: one.clock, store: one.store });
  await two.latchkey.fetch(profile); // the second process has rotated, and used its token
  await one.clock.advance(stale);
  assert.equal((await one.latchkey.fetch(profile)).status, 200);
  assert.deepEqual([one.server.sessions[0]?.ended, ends(one.seen)], [undefined, []]);
});

test('a refusal that another process has overtaken does not sign out: what it stored is adopted', async () => {
  const one = await signedIn();
  await one.clock.advance(stale);
  let first = true;
  one.server.play = async ({ path }, real) => {
    if (path.endsWith('/refresh') && first) {
      first = false;
      const two = device({ server: one.server, clock: one.clock, store: one.store });
      await two.latchkey.fetch(profile);
      return json(400, { errors: [{ code: 'refresh_token_reused', message: 'Over.' }] });
    }
    return real();
  };
  assert.equal((await one.latchkey.fetch(profile)).status, 200);
  assert.deepEqual(ends(one.seen), []);
});

for (const code of ['refresh_token_invalid', 'session_expired', 'session_ended', 'password_changed', 'ownership_verified', 'refresh_token_reused', 'account_disabled', 'account_deleted']) {
  test(`${code} ends the session, with one event that 50 requests share`, async () => {
    const { server, clock, store, latchkey, seen } = await signedIn();
    await clock.advance(stale);
    server.sessions[0]!.ended = code;
    const failures = await Promise.all(Array.from({ length: 50 }, () => latchkey.fetch(profile).then(String, (error: unknown) => error)));
    for (const error of failures) {
      assert.ok(error instanceof LatchkeyError && error.kind === 'signed_out' && error.code === code && !isRetryable(error));
    }
    assert.deepEqual([ends(seen), server.refreshes], [[code], 1]);
    assert.deepEqual(latchkey.session, { state: 'signed_out', reason: code, endedAt: 1790000000 });
    assert.doesNotMatch(store.all, /refresh:/);
  });
}

const harmless: Record<string, () => Response> = {
  'a time-out of the server, 408': () => json(408, { errors: [{ code: 'request_timeout', message: 'Slow.' }] }),
  'too early, 425': () => new Response('', { status: 425 }),
  'a rate limit, 429': () => json(429, { errors: [{ code: 'too_many_requests', message: 'Wait.' }] }, { 'Retry-After': '2' }),
  'a defect, 500': () => json(500, { errors: [{ code: 'internal_error', message: 'Oops.' }] }),
  'a proxy, 502': () => new Response('Bad Gateway', { status: 502 }),
  'unavailable, 503': () => json(503, { errors: [{ code: 'temporarily_unavailable', message: 'Away.' }] }, { 'Retry-After': '2' }),
  'a captive portal, HTML with 200': () => new Response(html, { status: 200, headers: { 'Content-Type': 'text/html' } }),
  '{} with 200': () => new Response('{}', { status: 200 }),
  'our envelope without tokens, 200': () => json(200, { data: {}, meta: {} }),
  'a firewall, HTML with 403': () => new Response(html, { status: 403 }),
  'JSON that breaks off': () => new Response('{"status": 200, "meta": {"access_to', { status: 200 }),
  'HTML with 400': () => new Response(html, { status: 400 }),
  'a foreign 400': () => Response.json({ error: 'invalid_grant' }, { status: 400 }),
  'a 400 of ours that speaks of the request': () => json(400, { errors: [{ code: 'required', message: 'Missing.', param: 'refresh' }] }),
  'a code of ours under another status': () => Response.json({ status: 200, errors: [{ code: 'session_ended', message: '' }] }, { status: 400 }),
  'a 401 of ours': () => unauthorized(),
  'a 401 of a stranger': () => Response.json({ message: 'Unauthorized' }, { status: 401 }),
  'gone, 410': () => json(410, { meta: { is_authenticated: null } }),
  'no connection': () => {
    throw new TypeError('fetch failed');
  },
};

for (const [name, answer] of Object.entries(harmless)) {
  test(`${name}: the session is kept, the error says that a later try may succeed`, async () => {
    const { server, clock, store, latchkey, seen } = await signedIn();
    await clock.advance(stale);
    const before = store.all;
    server.play = ({ path }, real) => (path.endsWith('/refresh') ? answer() : real());
    const error: unknown = await latchkey.fetch(profile).then(String, (e: unknown) => e);
    assert.ok(error instanceof LatchkeyError && ['network', 'server', 'undocumented', 'problem'].includes(error.kind));
    assert.ok(error.action === 'retry' || error.action === 'wait' || error.action === 'show');
    assert.deepEqual([store.all, ends(seen), server.refreshes], [before, [], 1]);
    server.play = undefined;
    await clock.advance(3);
    assert.equal((await latchkey.fetch(profile)).status, 200);
  });
}

test('an answer from another host, after a redirect, says nothing', async () => {
  const { server, clock, latchkey, seen } = await signedIn();
  await clock.advance(stale);
  server.play = ({ path }, real) => {
    if (!path.endsWith('/refresh')) {
      return real();
    }
    const answer = json(400, { errors: [{ code: 'session_ended', message: '' }] });
    Object.defineProperty(answer, 'url', { value: 'https://login.cafe.example/' });
    return answer;
  };
  await assert.rejects(latchkey.fetch(profile), { kind: 'undocumented' });
  assert.deepEqual(ends(seen), []);
});

test('a server that answers 401 to everything is asked for six refreshes in ten minutes at most', async () => {
  for (const everything of [true, false]) {
    const { server, clock, latchkey, seen } = await signedIn();
    server.play = ({ path }, real) => (everything || path === profile ? unauthorized() : real());
    for (let second = 0; second < 600; second += 2) {
      const before = server.requests.length;
      await latchkey.fetch(profile).catch((error: unknown) => assert.ok(isRetryable(error), String(error)));
      assert.ok(server.requests.length - before <= 3, 'a refresh, and the request twice');
      await clock.advance(2);
    }
    assert.ok(server.refreshes >= 3 && server.refreshes <= 6, `${server.refreshes} refreshes`);
    assert.deepEqual(ends(seen), []);
    server.play = undefined;
    await clock.advance(900);
    assert.equal((await latchkey.fetch(profile)).status, 200);
  }
});

test('a request that was just refreshed for is not refreshed for again, also where the token serves others', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(stale);
  let calls = 0;
  server.play = async ({ path }, real) => {
    if (path !== profile || ++calls === 1) {
      return real();
    }
    await settled();
    return unauthorized();
  };
  const answers = await Promise.all([latchkey.fetch(profile), latchkey.fetch(profile)]);
  assert.deepEqual(answers.map((answer) => answer.status), [200, 401]);
  assert.deepEqual([server.refreshes, calls], [1, 2]);
});

test('Retry-After is honoured, and says how long in the error', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(stale);
  server.play = () => json(503, { errors: [{ code: 'temporarily_unavailable', message: '' }] }, { 'Retry-After': '120' });
  await assert.rejects(latchkey.fetch(profile), { kind: 'server', status: 503, retryAfter: 120 });
  server.play = undefined;
  await clock.advance(100);
  await assert.rejects(latchkey.fetch(profile), { kind: 'server', retryAfter: 20 });
  assert.equal(server.refreshes, 1);
  await clock.advance(21);
  assert.equal((await latchkey.fetch(profile)).status, 200);
});

test('while the access token lives, requests go on with it whatever a refresh says', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(280); // its last 30 seconds
  server.play = ({ path }, real) => (path.endsWith('/refresh') ? json(503, {}, { 'Retry-After': '9' }) : real());
  for (let i = 0; i < 5; i++) {
    assert.equal((await latchkey.fetch(profile)).status, 200);
  }
  assert.equal(server.refreshes, 1);
});

test('a refresh that hangs is given up after the time-out', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(stale);
  server.play = () => new Promise<Response>(() => undefined);
  const call = assert.rejects(latchkey.fetch(profile), { kind: 'network' });
  await settled();
  await clock.advance(15);
  await call;
});

test('a caller who leaves does not take the refresh along', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(stale);
  const controller = new AbortController();
  let go: () => void = () => undefined;
  server.play = async ({ path }, real) => {
    await (path.endsWith('/refresh') ? new Promise<void>((resolve) => (go = resolve)) : undefined);
    return real();
  };
  const leaving = assert.rejects(latchkey.fetch(profile, { signal: controller.signal }), { kind: 'cancelled' });
  const staying = latchkey.fetch(profile);
  await settled();
  controller.abort();
  await leaving;
  go();
  assert.equal((await staying).status, 200);
  assert.equal(server.refreshes, 1);
});

test('a lock that nobody gives back is an error, not a standstill', async () => {
  const { server, clock, store, latchkey } = await signedIn();
  await clock.advance(stale);
  let grant: (release: () => void) => void = () => undefined;
  store.lock = () => new Promise((resolve) => (grant = resolve));
  const call = assert.rejects(latchkey.fetch(profile), { kind: 'store' });
  await settled();
  await clock.advance(20);
  await call;
  let released = false;
  grant(() => (released = true));
  await settled();
  assert.ok(released, 'a lock that comes too late is given back');
  delete store.lock;
  assert.equal((await latchkey.fetch(profile)).status, 200);
  assert.equal(server.refreshes, 1);
});

test('the lock is held from before the store is read until the pair is stored', async () => {
  const { clock, store, latchkey } = await signedIn();
  await clock.advance(stale);
  store.done.length = 0;
  store.lock = async () => {
    store.done.push('locked');
    return () => void store.done.push('released');
  };
  await latchkey.fetch(profile);
  assert.equal(store.done[0], 'locked');
  assert.equal(store.done.at(-1), 'released');
  assert.ok(store.done.some((done) => done.startsWith('write slot')));
});

function unauthorized(): Response {
  return json(401, { data: { flows: [] }, meta: { is_authenticated: false } }, { 'WWW-Authenticate': 'Bearer error="invalid_token"' });
}

