import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { apiClient, getProfile, getSession, listSessions, updateProfile, verifyEmail } from '../src/api.js';
import { LatchkeyError } from '../src/index.js';
import { addPasskey, reauthenticateWithKey, signInWithPasskey } from '../src/passkeys.js';
import { providerNonce, signInWithProvider } from '../src/providers.js';
import { settled } from './stand-in/clock.js';
import { credentials, device, ends, profile, signedIn } from './stand-in/device.js';
import { asksToMake, Prompt } from './stand-in/passkeys.js';
import { baseUrl, json, user } from './stand-in/server.js';

const pendingFlows = { data: { flows: [{ id: 'login' }, { id: 'verify_email', is_pending: true }] }, meta: { is_authenticated: false, session_token: 'lkst_pending' } };

test('the access token goes to the server and the named origins, and nowhere else', async () => {
  const { server, latchkey } = await signedIn({}, { origins: ['https://api.example.com'] });
  const urls = [
    baseUrl + profile,
    'https://api.example.com/orders',
    'https://api.example.com.evil.example/',
    'https://auth.example.com@evil.example/',
    'https://auth.example.com.evil.example/',
    'http://auth.example.com/',
    'https://evil.example/https://auth.example.com/',
    '//evil.example/',
  ];
  server.play = () => new Response('{}');
  const carried: boolean[] = [];
  for (const url of urls) {
    server.headers.length = 0;
    await latchkey.fetch(url).catch(() => undefined); // a URL without a scheme goes nowhere in Node
    carried.push(server.headers.some((headers) => headers.has('Authorization')));
  }
  assert.deepEqual(carried, [true, true, false, false, false, false, false, false]);
});

test('a request that asks for a person is not sent where there is none', async () => {
  const { server, latchkey } = device();
  await assert.rejects(latchkey.fetch(profile), { kind: 'signed_out', code: undefined });
  await assert.rejects(latchkey.accessToken(), { kind: 'signed_out' });
  assert.equal(server.requests.length, 0);
  assert.equal((await latchkey.fetch('/_allauth/app/v1/auth/session')).status, 401);
});

test('what an app calls the refresh operation with is its own affair: it never enters the transport', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(301);
  const answer = await latchkey.fetch('/_allauth/app/v1/auth/token/refresh', { method: 'POST', body: '{"refresh":"refresh:0:0"}' });
  assert.equal(answer.status, 200);
  assert.deepEqual([server.requests.length, server.headers.at(-1)?.has('Authorization')], [2, false]);
});

test('a pending step is a value; the next one carries the session token, which is dropped once signed in', async () => {
  const { server, store, latchkey } = device({}, { deviceName: "Ada's phone" });
  server.play = ({ path }, real) => (path.endsWith('/login') ? json(401, pendingFlows) : path.endsWith('/verify') ? answerOfSignIn() : real());
  const result = await latchkey.signIn(credentials);
  assert.deepEqual(result, { kind: 'pending', flows: [{ id: 'verify_email', is_pending: true }] });
  assert.equal(latchkey.session.state, 'signed_out');
  assert.ok(!store.all.includes('lkst_pending'));

  const client = apiClient(latchkey);
  const next = await latchkey.complete(verifyEmail({ client, body: { key: '123456' } }));
  assert.deepEqual(next, { kind: 'signed_in', user, deletionCancelled: true });
  assert.equal(latchkey.session.state, 'signed_in');
  assert.deepEqual([server.headers.at(-1)?.get('X-Session-Token'), server.headers.at(-1)?.get('X-Device-Name')], ['lkst_pending', "Ada's phone"]);

  await latchkey.fetch('/_allauth/app/v1/auth/email/verify', { method: 'POST', body: '{}' });
  assert.deepEqual([server.headers.at(-1)?.get('X-Session-Token'), server.headers.at(-1)?.has('Authorization')], [null, true]);
  assert.ok(!inspect(latchkey, { depth: 9 }).includes('lkst_pending'), 'it is still in memory');
});

function answerOfSignIn(): Response {
  const access = `h.${Buffer.from('{"iat":1,"exp":301,"sid":0,"gen":0}').toString('base64url')}.s`;
  return json(200, { data: { user, methods: [] }, meta: { is_authenticated: true, deletion_cancelled: true, access_token: access, refresh_token: 'refresh:0:0' } });
}

test('410 drops the session token that was sent, and nothing else', async () => {
  const { server, latchkey } = device();
  server.play = ({ path }) => (path.endsWith('/login') ? json(401, pendingFlows) : json(410, { data: { flows: [] }, meta: { is_authenticated: null } }));
  await latchkey.signIn(credentials);
  const client = apiClient(latchkey);
  await assert.rejects(latchkey.complete(verifyEmail({ client, body: { key: '1' } })), { kind: 'nothing_pending', status: 410, action: 'sign_out' });
  await latchkey.fetch('/_allauth/app/v1/auth/session');
  assert.equal(server.headers.at(-1)?.get('X-Session-Token'), null);

  const signed = await signedIn();
  signed.server.play = () => json(410, { data: { flows: [] }, meta: { is_authenticated: null } });
  assert.equal((await signed.latchkey.fetch(profile)).status, 410);
  assert.deepEqual(ends(signed.seen), []);
});

test('a step that is done with nothing pending says what can be started', async () => {
  const { server, latchkey } = device();
  server.play = () => json(401, { data: { flows: [{ id: 'login' }] }, meta: { is_authenticated: false } });
  assert.deepEqual(await latchkey.complete(verifyEmail({ client: apiClient(latchkey), body: { key: 'k' } })), { kind: 'done', flows: [{ id: 'login' }] });
});

test('a refused sign-in tells what is wrong, and where', async () => {
  const { latchkey } = device();
  const error: unknown = await latchkey.signIn({ email: 'ada@example.com', password: 'wrong' }).catch((e: unknown) => e);
  assert.ok(error instanceof LatchkeyError);
  assert.deepEqual([error.kind, error.status, error.code, error.action, error.problems[0]?.param], ['problem', 400, 'email_password_mismatch', 'show', 'password']);
});

test('a sign-in that cannot be sent, takes too long or is called off is typed', async () => {
  const { server, clock, latchkey } = device();
  server.play = () => {
    throw new TypeError('fetch failed');
  };
  await assert.rejects(latchkey.signIn(credentials), { kind: 'network', action: 'retry' });
  server.play = () => new Promise<Response>(() => undefined);
  const slow = assert.rejects(latchkey.signIn(credentials), { kind: 'network' });
  await settled();
  await clock.advance(15);
  await slow;
  const controller = new AbortController();
  const calledOff = assert.rejects(latchkey.signIn(credentials, { signal: controller.signal }), { kind: 'cancelled' });
  controller.abort();
  await calledOff;
  await assert.rejects(latchkey.signIn(credentials, { signal: controller.signal }), { kind: 'cancelled' });
});

test('a 401 that asks to prove it again is handed out, with how to, and without a refresh', async () => {
  const { server, latchkey } = await signedIn();
  server.play = () => json(401, { data: { flows: [{ id: 'reauthenticate' }] }, meta: { is_authenticated: true } });
  const client = apiClient(latchkey);
  await assert.rejects(latchkey.complete(listSessions({ client })), { kind: 'problem', action: 'reauthenticate', flows: [{ id: 'reauthenticate' }] });
  assert.equal(server.refreshes, 0);
});

test('a 401 of an origin that takes our tokens refreshes, once', async () => {
  const { server, latchkey } = await signedIn({}, { origins: ['https://api.example.com/'] });
  const first = `Bearer ${await latchkey.accessToken()}`;
  server.play = ({ path, headers }, real) => (path.startsWith('https://api') ? new Response(null, { status: headers.get('Authorization') === first ? 401 : 204 }) : real());
  assert.equal((await latchkey.fetch('https://api.example.com/orders', { method: 'POST', body: '[1]' })).status, 204);
  assert.equal(server.refreshes, 1);
});

test('a repeated request carries its body again, also as a Request of the generated client', async () => {
  const { server, latchkey } = await signedIn();
  const bodies: unknown[] = [];
  let refuse = true;
  server.play = ({ path, body }, real) => {
    if (path !== profile) {
      return real();
    }
    bodies.push(body);
    refuse = !refuse;
    return refuse ? Response.json({ id: 1 }) : json(401, { data: { flows: [] }, meta: { is_authenticated: false } });
  };
  assert.equal((await latchkey.fetch(profile, { method: 'PATCH', body: '{"display":"a"}' })).status, 200);
  const { response } = await updateProfile({ client: apiClient(latchkey), body: { display: 'b' } });
  assert.equal(response?.status, 200);
  assert.deepEqual(bodies, [{ display: 'a' }, { display: 'a' }, { display: 'b' }, { display: 'b' }]);
});

test('a body that can be read only once is sent once', async () => {
  const { server, latchkey } = await signedIn();
  server.play = ({ path }, real) => (path === profile ? json(401, { data: { flows: [] }, meta: { is_authenticated: false } }) : real());
  const body = new Blob(['{"display":"a"}']).stream();
  const answer = await latchkey.fetch(profile, { method: 'PATCH', body, duplex: 'half' } as RequestInit);
  assert.deepEqual([answer.status, server.count(profile), server.refreshes], [401, 1, 1]);
});

test("the caller's own headers stay, cookies never go along", async () => {
  const { latchkey, server } = await signedIn();
  let sent: RequestInit | undefined;
  const seen = await signedIn({ server }, { fetch: (input, init) => ((sent = init), server.fetch(input, init)) });
  await seen.latchkey.fetch(profile, { headers: { Accept: 'application/json' }, credentials: 'include' });
  assert.deepEqual([new Headers(sent?.headers).get('Accept'), sent?.credentials], ['application/json', 'omit']);
  void latchkey;
});

test('generated functions return data, and errors that the session threw', async () => {
  const { server, clock, latchkey } = await signedIn();
  const client = apiClient(latchkey);
  assert.equal((await getProfile({ client })).data?.display, 'ada');
  await clock.advance(301);
  server.sessions[0]!.ended = 'session_ended';
  const { error } = await getProfile({ client });
  assert.ok((error as unknown) instanceof LatchkeyError);
  await assert.rejects(latchkey.complete(getSession({ client: apiClient(latchkey) })), { status: 401 });
});

test('no error of the client tells a token', async () => {
  const { server, clock, latchkey } = await signedIn();
  await clock.advance(301);
  server.play = () => new Response('<html>', { status: 502 });
  const error: unknown = await latchkey.fetch(profile).catch((e: unknown) => e);
  assert.doesNotMatch(inspect(error, { depth: 9 }), /refresh:0|h\.\w+\.s/);
});

/** A server with a socket: redirects are followed, or not, by the platform's own fetch. */
async function listening(answer: RequestListener): Promise<{ url: string; http: HttpServer }> {
  const http = createServer(answer).listen(0, '127.0.0.1');
  await once(http, 'listening');
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, http };
}

test('a redirect to elsewhere takes no credential along', async () => {
  const received: string[] = [];
  const elsewhere = await listening((request, response) => {
    received.push(`${request.method} ${request.headers['x-session-token']}`);
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ status: 200, data: { user, methods: [] }, meta: { is_authenticated: true } }));
  });
  let redirects = true;
  const ours = await listening((request, response) => {
    request.resume();
    if (redirects) {
      response.writeHead(307, { Location: elsewhere.url + request.url }).end();
    } else {
      response.writeHead(401, { 'Content-Type': 'application/json' }).end(JSON.stringify({ status: 401, ...pendingFlows }));
    }
  });
  try {
    const { latchkey } = device({}, { baseUrl: ours.url, fetch: (input, init) => fetch(input, init) });
    await assert.rejects(latchkey.signIn(credentials), { kind: 'network', action: 'retry' });
    redirects = false;
    assert.equal((await latchkey.signIn(credentials)).kind, 'pending');
    redirects = true;
    // Through the app's own fetch, too: the code and the session token belong together.
    await assert.rejects(latchkey.complete(verifyEmail({ client: apiClient(latchkey), body: { key: 'k' } })), { kind: 'network' });
    assert.deepEqual([received, latchkey.session.state], [[], 'signed_out']);
  } finally {
    ours.http.close();
    elsewhere.http.close();
  }
});

test('an answer from elsewhere says nothing, where the platform has followed all the same', async () => {
  const { server, latchkey } = device();
  const asked: (RequestInit | undefined)[] = [];
  const elsewhere = (response: Response): Response => Object.defineProperty(response, 'url', { value: 'https://portal.example/' });
  server.play = () => elsewhere(answerOfSignIn());
  const there = device({ server }, { fetch: (input, init) => (asked.push(init), server.fetch(input, init)) });
  await assert.rejects(there.latchkey.signIn(credentials), { kind: 'undocumented', status: 200 });
  await assert.rejects(latchkey.complete(verifyEmail({ client: apiClient(latchkey), body: { key: 'k' } })), { kind: 'undocumented' });
  assert.deepEqual([latchkey.session.state, there.latchkey.session.state], ['signed_out', 'signed_out']);
  assert.deepEqual([asked[0]?.redirect, asked[0]?.cache, asked[0]?.credentials], ['error', 'no-store', 'omit']);
});

test('an answer without its data is undocumented, and no crash', async () => {
  const { server, latchkey } = await signedIn();
  const prompt = new Prompt();
  for (const body of [{}, { data: null }, { data: {} }]) {
    server.play = () => json(200, body);
    const calls = [
      () => latchkey.signIn(credentials),
      () => signInWithPasskey(latchkey, prompt),
      () => signInWithProvider(latchkey, { provider: 'apple', clientId: 'c', idToken: 'a.b.c' }),
      () => providerNonce(latchkey),
      () => reauthenticateWithKey(latchkey, prompt),
      () => addPasskey(latchkey, prompt),
    ];
    for (const call of calls) {
      await assert.rejects(call, { name: 'LatchkeyError', kind: 'undocumented' });
    }
  }
  server.play = ({ method }) => (method === 'GET' ? asksToMake() : json(200, {}));
  await assert.rejects(addPasskey(latchkey, prompt), { kind: 'undocumented' });
  assert.equal(latchkey.session.state, 'signed_in');
});
