// A plain axios client, as apps written for allauth have one, against the real server.
// Run: npm ci && LATCHKEY_BIN=../../../bin/latchkey node --test
// or with LATCHKEY_URL=http://host:port against a server that runs already.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {chmod, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {after, before, test} from 'node:test';
import {setTimeout as pause} from 'node:timers/promises';
import axios from 'axios';
import pg from 'pg';

process.env.NO_PROXY = '*';

let server; // url, email, password, stop, age

// bursts is how many times each client plays five calls at once; the README's number is 1000.
const bursts = Number(process.env.BURSTS ?? 100);

before(async () => {
  server = process.env.LATCHKEY_URL ? await visit(process.env.LATCHKEY_URL) : await start(process.env.LATCHKEY_BIN);
});

after(() => server?.stop());

// aging makes all refresh tokens of a database older than the grace, as they are when an access
// token has expired: PostgreSQL measures their age by its own clock.
function aging(database) {
  return async () => {
    const connection = new pg.Client(database);
    await connection.connect();
    await connection.query("UPDATE sessions SET rotated_at = rotated_at - interval '1 hour'");
    await connection.end();
  };
}

// visit makes an account on a server that runs already.
async function visit(url) {
  const email = `axios+${Date.now()}@example.com`;
  const password = 'a long enough password';
  await axios.post(`${url}/_allauth/app/v1/auth/signup`, {email, password});
  const database = process.env.LATCHKEY_DATABASE_URL;
  assert.ok(database, 'set LATCHKEY_DATABASE_URL to the database of that server');
  return {url, email, password, stop() {}, age: aging(database)};
}

// start runs `latchkey dev` in a directory of its own.
async function start(binary) {
  assert.ok(binary, 'set LATCHKEY_BIN to the program, or LATCHKEY_URL to a running server');
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-'));
  await chmod(dir, 0o711); // the database's account passes through
  const env = Object.fromEntries(['PATH', 'HOME', 'TMPDIR', 'PG_BIN'].filter((n) => n in process.env).map((n) => [n, process.env[n]]));
  env.ACCOUNT_RATE_LIMITS = 'false'; // many apps sign in from one address
  const child = spawn(binary, ['dev', '--dir', join(dir, 'd'), '--addr', '127.0.0.1:0', '--json'], {env});
  const ended = once(child, 'close');
  const stop = async () => {
    child.kill('SIGINT');
    const [code] = await ended;
    await rm(dir, {recursive: true, force: true});
    assert.equal(code, 0, 'latchkey dev did not end well');
  };
  let log = '';
  child.stderr.on('data', (text) => (log += text));
  const gone = ended.then(() => Promise.reject(new Error(`latchkey dev ended: ${log}`)));
  gone.catch(() => undefined); // it ends in the end
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), gone]);
  const {url, email, password} = JSON.parse(line);
  const socket = join(dir, 'd', 'postgres');
  return {url, email, password, stop, age: aging({host: socket, user: 'postgres', database: 'postgres'})};
}

// keys are the ways of a client with Idempotency-Key: none; one for each token, made when it is
// stored; a fresh one for each request.
const keys = {
  none: {made: () => undefined, sent: () => undefined},
  stored: {made: randomUUID, sent: (store) => store.key},
  fresh: {made: () => undefined, sent: randomUUID},
};

// client is the app: what it stores, and axios with its two interceptors. It has no lock: each call
// that gets a 401 refreshes by itself.
function client({made, sent} = keys.none, network = {}) {
  const store = {access: null, refresh: null, key: undefined};
  const api = axios.create({baseURL: server.url, ...network});
  const plain = axios.create({baseURL: `${server.url}/_allauth/app/v1/auth/`, ...network});
  const keep = ({data}) => {
    store.access = data.meta.access_token;
    store.refresh = data.meta.refresh_token;
    store.key = made();
  };
  const refresh = async (again = 5) => {
    const key = sent(store);
    try {
      keep(await plain.post('token/refresh', {refresh: store.refresh}, key && {headers: {'Idempotency-Key': key}}));
    } catch (error) {
      if (error.response?.status !== 409 || again === 0) throw error;
      await pause(1000 * error.response.headers['retry-after']); // another call was faster:
      await refresh(again - 1); // with what is stored by now
    }
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
      await refresh();
      return api(request);
    },
  );
  const signIn = async () => keep(await plain.post('login', {email: server.email, password: server.password}));
  return {store, api, signIn};
}

const profile = '/api/v1/users/profile/';
const session = '/_allauth/app/v1/auth/session';

// damaged is a token that the server takes for a stale one.
const damaged = (token) => token.slice(0, -6) + (token.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA');

async function signedIn(...how) {
  const app = client(...how);
  await app.signIn();
  await server.age();
  return app;
}

// jittery is a network that delays everything by up to so many milliseconds, each way.
function jittery(milliseconds) {
  const delay = () => pause(Math.random() * milliseconds);
  const send = axios.getAdapter(['http']);
  const adapter = async (config) => {
    await delay();
    try {
      return await send(config);
    } finally {
      await delay();
    }
  };
  return {adapter};
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
    await server.age();
  }
  store.access = damaged(store.access);
  assert.equal((await api.get(profile)).data.email, server.email);
});

// Bursts of different apps run beside each other; a burst begins with a token that is older than
// the grace, as it is when the access token has expired.
const apps = 10; // an account has at most 50 sessions

for (const [name, way] of Object.entries(keys)) {
  test(`${bursts} bursts of five calls over a network with 0 to 400 ms each way, keys: ${name}`, async (t) => {
    const network = jittery(400);
    const list = [];
    while (list.length < apps) list.push(await signedIn(way, network));
    const count = {signedOut: 0, failed: 0, rotations: 0};
    for (let done = 0; done < bursts; done += apps) {
      await server.age();
      await Promise.all(list.slice(0, bursts - done).map((app) => burst(app, count)));
    }
    t.diagnostic(`${bursts} bursts: ${count.rotations} rotations, ${count.failed} calls failed, ${count.signedOut} sign-outs`);
    assert.equal(count.signedOut, 0);
    assert.equal(count.rotations, bursts);
    assert.equal(count.failed, 0);
  });
}

const generation = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()).gen;

// burst makes five calls at once with a stale access token, and then looks whether the session lives.
async function burst({api, store}, count) {
  const before = generation(store.refresh);
  store.access = damaged(store.access);
  const calls = [profile, session, profile, session, profile].map(async (path) => {
    await pause(Math.random() * 400); // they need not begin in the same moment either
    return api.get(path);
  });
  const results = await Promise.allSettled(calls);
  count.failed += results.filter((r) => r.status === 'rejected').length;
  store.access = damaged(store.access);
  try {
    await api.get(profile);
  } catch {
    count.signedOut++;
  }
  count.rotations += generation(store.refresh) - before;
}

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
