import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import axios from 'axios';
import { attach } from '../src/axios.js';
import { settled } from './stand-in/clock.js';
import { credentials, device, deviceLocked, profile, signedIn, Store } from './stand-in/device.js';
import { baseUrl, json, type Server } from './stand-in/server.js';

const header = 'X-Latchkey-Device';
const login = '/_allauth/app/v1/auth/login';

/** What each request sent of a device token, by the end of its path. */
function sent(server: Server): [string, string | null][] {
  return server.requests.map((path, n) => [path.slice(path.lastIndexOf('/') + 1), server.headers[n]?.get(header) ?? null]);
}

function logins(server: Server): (string | null)[] {
  return sent(server).flatMap(([name, token]) => (name === 'login' ? [token] : []));
}

test('a device token is sent by later sign-ins, also after a sign-out, and by nothing else', async () => {
  const { server, store, clock, latchkey } = await signedIn();
  await clock.advance(301);
  await latchkey.fetch(profile);
  await latchkey.fetch('/_allauth/app/v1/auth/session');
  await (await latchkey.signOut()).revoked;
  const next = device({ server, store }).latchkey; // the next launch
  await next.signIn(credentials);
  assert.deepEqual(logins(server), [null, 'lkdt_1']);
  const others = sent(server).filter(([name]) => name !== 'login');
  assert.ok(others.some(([name]) => name === 'refresh') && others.some(([name]) => name === 'session'));
  assert.deepEqual(others.filter(([, token]) => token), []);
});

test('it goes along with every step of a sign-in, and to no other host', async () => {
  const { server, latchkey } = await signedIn({}, { origins: ['https://api.example.com'] });
  await latchkey.signOut();
  await settled();
  const seen: (string | null)[] = [];
  server.play = ({ headers }) => {
    seen.push(headers.get(header));
    return json(401, { data: { flows: [{ id: 'mfa_authenticate', is_pending: true }] }, meta: { is_authenticated: false, session_token: 'lkst_half' } });
  };
  await latchkey.signIn(credentials);
  for (const url of [`${baseUrl}/_allauth/app/v1/auth/2fa/authenticate`, `${baseUrl}/_allauth/app/v1/config`, `https://api.example.com${login}`, `https://evil.example${login}`]) {
    await latchkey.fetch(url, { method: 'POST' });
  }
  assert.deepEqual(seen, ['lkdt_1', 'lkdt_1', null, null, null]);
});

test('the device token is that of the last sign-in', async () => {
  const { server, latchkey } = await signedIn();
  await latchkey.signIn(credentials); // over the first
  await latchkey.signOut();
  await latchkey.signIn(credentials);
  assert.deepEqual(logins(server), [null, 'lkdt_1', 'lkdt_2']);
});

test('the device token of a sign-in that came too late is not kept', async () => {
  const { server, store, latchkey } = device();
  server.play = async ({ path }, real) => {
    if (path === login) {
      await latchkey.signOut();
    }
    return real();
  };
  await assert.rejects(latchkey.signIn(credentials), { kind: 'nothing_pending' });
  assert.equal(store.texts.has('device'), false);
});

test('a sign-out while the device token is being stored stands', async () => {
  const { server, store, latchkey } = device();
  let signedOut: Promise<unknown> | undefined;
  store.fault = (operation, name) => {
    if (operation === 'write' && name === 'device') {
      signedOut = latchkey.signOut().then(({ revoked }) => revoked);
    }
  };
  await latchkey.signIn(credentials);
  assert.equal(await signedOut, true);
  assert.deepEqual([latchkey.session.state, server.sessions[0]?.ended], ['signed_out', 'session_ended']);
});

test('it goes with a deleted account, and with an app that was deleted', async () => {
  const deleted = await signedIn();
  deleted.server.play = ({ method, path }, real) =>
    method === 'DELETE' && path.endsWith('/account') ? Response.json({ status: 200, data: { deletes_at: 1791209600 } }) : real();
  await deleted.latchkey.fetch('/_allauth/app/v1/account', { method: 'DELETE' });
  assert.equal(deleted.store.texts.has('device'), false);

  const before = await signedIn();
  await before.latchkey.signOut();
  const store = Object.assign(new Store(), { texts: before.store.texts, open: (forget: () => Promise<void>) => forget() });
  const { latchkey } = device({ server: before.server, store });
  await latchkey.signIn(credentials);
  assert.deepEqual(logins(before.server), [null, null]);
});

const broken = (): never => {
  throw new Error('input/output error');
};

for (const [name, fault] of [
  ['fails', broken],
  ['is locked', deviceLocked],
  ['holds a line break', () => 'lkdt_\n1'],
  ['holds what is no ASCII', () => 'lkdt_é'],
  ['holds 257 characters', () => 'x'.repeat(257)],
] as const) {
  test(`a store that ${name} where the device token should be stops no sign-in`, async () => {
    const { server, store, latchkey } = device();
    store.fault = (operation, item) => (item === 'device' && operation !== 'remove' ? fault() : undefined);
    assert.equal((await latchkey.signIn(credentials)).kind, 'signed_in');
    assert.deepEqual(logins(server), [null]);
  });
}

/** A real server: the redirect is followed, or not, by the platform's own fetch. */
async function listen(answer: RequestListener): Promise<{ http: HttpServer; url: string }> {
  const http = createServer(answer).listen(0, '127.0.0.1');
  await once(http, 'listening');
  return { http, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

test('it follows no redirect to another host', async () => {
  const reached: unknown[] = [];
  const stranger = await listen((request, response) => {
    reached.push(request.headers[header.toLowerCase()]);
    response.end('{}');
  });
  const ours = await listen((_, response) => void response.writeHead(307, { Location: stranger.url }).end());
  try {
    const store = new Store();
    store.texts.set('device', 'lkdt_1');
    const { latchkey } = device({ store }, { baseUrl: ours.url, fetch: (input, init) => fetch(input, init) });
    await assert.rejects(latchkey.fetch(login, { method: 'POST', body: '{}' }), { kind: 'network' });
    assert.deepEqual(reached, []);
  } finally {
    ours.http.close();
    stranger.http.close();
  }
});

test('sign-ins through axios send it, and keep it', async () => {
  const seen: (string | undefined)[] = [];
  const { http, url } = await listen((request, response) => {
    seen.push(request.headers[header.toLowerCase()] as string | undefined);
    const meta = { is_authenticated: true, access_token: 'h.e30.s', refresh_token: 'h.e30.s', device_token: 'lkdt_2' };
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ status: 200, data: { user: { id: 1 } }, meta }));
  });
  try {
    const store = new Store();
    store.texts.set('device', 'lkdt_1');
    const { latchkey } = device({ store }, { baseUrl: url, fetch: (input, init) => fetch(input, init) });
    const api = axios.create({ baseURL: url, proxy: false });
    attach(api, latchkey);
    await api.post(login, credentials);
    assert.deepEqual(seen, ['lkdt_1']);
    assert.equal(store.texts.get('device'), 'lkdt_2');
  } finally {
    http.close();
  }
});
