// A plain axios client, as apps written for allauth have one, against the real server.
// Run: npm ci && LATCHKEY_BIN=../../../bin/latchkey node --test
// or with LATCHKEY_URL=http://host:port against a server that runs already.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmod, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import axios from 'axios';

process.env.NO_PROXY = '*';

let server; // url, email, password, stop

before(async () => {
  server = process.env.LATCHKEY_URL ? await visit(process.env.LATCHKEY_URL) : await start(process.env.LATCHKEY_BIN);
});

after(() => server?.stop());

// visit makes an account on a server that runs already.
async function visit(url) {
  const email = `axios+${Date.now()}@example.com`;
  const password = 'a long enough password';
  await axios.post(`${url}/_allauth/app/v1/auth/signup`, {email, password});
  return {url, email, password, stop() {}};
}

// start runs `latchkey dev` in a directory of its own, and reads its tour.
async function start(binary) {
  assert.ok(binary, 'set LATCHKEY_BIN to the program, or LATCHKEY_URL to a running server');
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-'));
  await chmod(dir, 0o711); // the database's account passes through
  const env = Object.fromEntries(['PATH', 'HOME', 'TMPDIR', 'PG_BIN'].filter((n) => n in process.env).map((n) => [n, process.env[n]]));
  const child = spawn(binary, ['dev', '--dir', join(dir, 'd'), '--addr', '127.0.0.1:0'], {env});
  const ended = once(child, 'close');
  const stop = async () => {
    child.kill('SIGINT');
    const [code] = await ended;
    await rm(dir, {recursive: true, force: true});
    assert.equal(code, 0, 'latchkey dev did not end well');
  };
  let tour = '';
  let log = '';
  child.stderr.on('data', (text) => (log += text));
  await new Promise((ready, failed) => {
    child.stdout.on('data', (text) => {
      tour += text;
      if (tour.includes('/openapi.json\n')) ready();
    });
    ended.then(() => failed(new Error(`latchkey dev ended: ${log}`)), failed);
  });
  const [, url] = tour.match(/listening on (\S+)/);
  const [, email, password] = tour.match(/auth\/login .*"email":"([^"]+)","password":"([^"]+)"/);
  return {url, email, password, stop};
}

// client is the app: what it stores, and axios with its two interceptors.
function client() {
  const store = {access: null, refresh: null};
  const api = axios.create({baseURL: server.url});
  const keep = ({data}) => {
    store.access = data.meta.access_token;
    store.refresh = data.meta.refresh_token;
  };
  api.interceptors.request.use((config) => {
    if (store.access) config.headers.Authorization = `Bearer ${store.access}`;
    return config;
  });
  api.interceptors.response.use(
    (response) => response,
    async (error) => {
      const request = error.config;
      if (error.response?.status !== 401 || request._retry) throw error;
      request._retry = true;
      keep(await axios.post(`${server.url}/_allauth/app/v1/auth/token/refresh`, {refresh: store.refresh}));
      return api(request);
    },
  );
  const signIn = async () => keep(await axios.post(`${server.url}/_allauth/app/v1/auth/login`, {email: server.email, password: server.password}));
  return {store, api, signIn};
}

const profile = '/api/v1/users/profile/';
const session = '/_allauth/app/v1/auth/session';

// damaged is a token that the server takes for a stale one.
const damaged = (token) => token.slice(0, -6) + (token.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA');

async function signedIn() {
  const app = client();
  await app.signIn();
  return app;
}

test('signs in and reads the profile', async () => {
  const {api} = await signedIn();
  const {data, status} = await api.get(profile);
  assert.equal(status, 200);
  assert.equal(data.email, server.email);
});

test('a call with a stale access token recovers', async () => {
  const {api, store} = await signedIn();
  const first = store.refresh;
  store.access = damaged(store.access);
  assert.equal((await api.get(profile)).data.email, server.email);
  assert.notEqual(store.refresh, first, 'it did not refresh');
  assert.equal((await api.patch(profile, {display: 'Ada'})).data.display, 'Ada');
});

test('five calls at once, each of which refreshes by itself, all succeed and sign nobody out', async () => {
  const {api, store} = await signedIn();
  for (let round = 0; round < 20; round++) {
    store.access = damaged(store.access);
    const answers = await Promise.all([profile, session, profile, session, profile].map((path) => api.get(path)));
    assert.deepEqual(answers.map((a) => a.status), [200, 200, 200, 200, 200]);
  }
  store.access = damaged(store.access);
  assert.equal((await api.get(profile)).data.email, server.email);
});

test('after signing out the refresh token is refused', async () => {
  const {api, store} = await signedIn();
  const out = await api.delete(session, {validateStatus: (status) => status === 401}); // 401 is the success answer
  assert.equal(out.data.meta.is_authenticated, false);
  await assert.rejects(api.get(profile), (error) => {
    assert.equal(error.response.status, 400); // of the refresh that the interceptor tried
    assert.deepEqual(error.response.data.errors.map((e) => e.code), ['session_ended']);
    return true;
  });
  assert.ok(store.refresh);
});
