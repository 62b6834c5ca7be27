import assert from 'node:assert/strict';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import axios, { type AxiosInstance } from 'axios';
import { attach } from '../src/axios.js';
import type { Latchkey } from '../src/index.js';
import { credentials, device, ends, profile } from './stand-in/device.js';
import { baseUrl as inMemory, json, Server } from './stand-in/server.js';

// axios has its own transport: the server in memory gets a socket here.
let http: HttpServer;
let url: string;
let server: Server;

before(async () => {
  http = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of request) {
        parts.push(part as Buffer);
      }
      const body = Buffer.concat(parts);
      const headers = Object.fromEntries(Object.entries(request.headers).filter(([, value]) => typeof value === 'string')) as Record<string, string>;
      delete headers['connection'];
      const answer = await server.fetch(inMemory + request.url, { method: request.method, headers, ...(body.length ? { body } : {}) } as RequestInit);
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    })();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});

after(() => void http.close());

async function app(): Promise<{ api: AxiosInstance; latchkey: Latchkey; detach: () => void; seen: ReturnType<typeof device>['seen']; clock: ReturnType<typeof device>['clock'] }> {
  server = new Server();
  const { latchkey, seen, clock } = device({}, { baseUrl: url, fetch: (input, init) => fetch(input, init) });
  await latchkey.signIn(credentials);
  seen.length = 0;
  const api = axios.create({ baseURL: url, proxy: false });
  return { api, latchkey, detach: attach(api, latchkey), seen, clock };
}

test('20 axios requests with an ended token cost one refresh', async () => {
  const { api, clock } = await app();
  await clock.advance(301);
  const answers = await Promise.all(Array.from({ length: 20 }, () => api.get(profile)));
  assert.ok(answers.every(({ data }) => (data as { display: string }).display === 'ada'));
  assert.equal(server.refreshes, 1);
});

test('an axios request that is answered with 401 is repeated once, with its body', async () => {
  const { api, latchkey } = await app();
  const first = `Bearer ${await latchkey.accessToken()}`;
  const bodies: unknown[] = [];
  server.play = ({ path, headers, body }, real) => {
    if (path === profile) {
      bodies.push(body);
    }
    return path === profile && headers.get('Authorization') === first ? refused() : real();
  };
  assert.equal((await api.patch(profile, { display: 'b' })).status, 200);
  assert.deepEqual([bodies, server.refreshes], [[{ display: 'b' }, { display: 'b' }], 1]);
});

test('a 401 that stays is axios’ own error, after two requests', async () => {
  const { api, seen } = await app();
  server.play = ({ path }, real) => (path === profile ? refused() : real());
  await assert.rejects(api.get(profile), (error: unknown) => axios.isAxiosError(error) && error.response?.status === 401);
  assert.deepEqual([server.count(profile), server.refreshes, ends(seen)], [2, 1, []]);
});

test('axios learns of the end of a session as a typed error', async () => {
  const { api, clock, seen } = await app();
  await clock.advance(301);
  server.sessions[0]!.ended = 'password_changed';
  await assert.rejects(api.get(profile), { kind: 'signed_out', code: 'password_changed' });
  assert.deepEqual(ends(seen), ['password_changed']);
});

test('a sign-in step that is sent with axios is kept', async () => {
  const { api, latchkey } = await app();
  await latchkey.signOut();
  await api.post('/_allauth/app/v1/auth/login', credentials);
  assert.equal(latchkey.session.state, 'signed_in');
});

test('axios repeats without a session token that has ended', async () => {
  const { api, latchkey } = await app();
  await latchkey.signOut();
  server.play = () => json(401, { data: { flows: [{ id: 'verify_email', is_pending: true }] }, meta: { is_authenticated: false, session_token: 'lkst_dead' } });
  await latchkey.signIn(credentials);
  const seen: (string | null)[] = [];
  server.play = ({ headers }) => {
    const token = headers.get('X-Session-Token');
    seen.push(token);
    return token ? json(410, { data: { flows: [] }, meta: { is_authenticated: null } }) : json(200, { data: {} });
  };
  assert.equal((await api.get('/_allauth/app/v1/config')).status, 200);
  assert.deepEqual(seen, ['lkst_dead', null]);
});

test('axios requests to other hosts carry no token, nor do any once detached', async () => {
  const { api, detach } = await app();
  const sent: unknown[] = [];
  const adapter = async (config: import('axios').InternalAxiosRequestConfig): Promise<import('axios').AxiosResponse> => {
    sent.push(config.headers.get('Authorization'));
    return { data: {}, status: 200, statusText: '', headers: {}, config };
  };
  await api.get('https://evil.example/', { adapter });
  detach();
  await api.get(profile, { adapter });
  assert.deepEqual(sent, [undefined, undefined]);
});

test('a request that is sent again by the app gets the token of now', async () => {
  const { api, clock } = await app();
  const { config } = await api.get(profile);
  await clock.advance(301);
  assert.equal((await api.request(config)).status, 200);
  assert.equal(server.count(profile), 2);
});

function refused(): Response {
  return json(401, { data: { flows: [] }, meta: { is_authenticated: false } });
}
