// One kind of error, whatever the entrance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { apiClient, dataOf, listSessions, login, refreshToken } from '../src/api.js';
import { isRetryable, LatchkeyError, type SignInRequest } from '../src/index.js';
import { device, signedIn } from './stand-in/device.js';
import { pending } from './stand-in/passkeys.js';
import { json } from './stand-in/server.js';

const page = (status: number): Response => new Response('<html>portal</html>', { status, headers: { 'Content-Type': 'text/html' } });
const rows: Record<string, { answer: () => Response; kind: string; code?: string; retryable: boolean }> = {
  'a problem': { answer: () => json(400, { errors: [{ code: 'invalid', message: 'No.' }] }), kind: 'problem', code: 'invalid', retryable: false },
  'a server that is away': { answer: () => json(503, { errors: [{ code: 'temporarily_unavailable', message: '' }] }), kind: 'server', code: 'temporarily_unavailable', retryable: true },
  'a rate limit': { answer: () => json(429, { errors: [{ code: 'too_many_requests', message: '' }] }), kind: 'server', code: 'too_many_requests', retryable: true },
  'a proxy': { answer: () => page(502), kind: 'undocumented', retryable: true },
  'a captive portal': { answer: () => page(200), kind: 'undocumented', retryable: true },
  'JSON of somebody else': { answer: () => Response.json({ hello: 1 }), kind: 'undocumented', retryable: true },
  'no network': {
    answer: () => {
      throw new TypeError('fetch failed');
    },
    kind: 'network',
    retryable: true,
  },
};

for (const [name, { answer, kind, code, retryable }] of Object.entries(rows)) {
  test(`${name} is the same LatchkeyError, thrown, returned, by dataOf and by complete`, async () => {
    const { server, latchkey } = await signedIn();
    const client = apiClient(latchkey);
    server.play = answer;
    const thrown: unknown[] = [];
    for (const call of [
      () => listSessions({ client, throwOnError: true }),
      () => dataOf(listSessions({ client })),
      () => latchkey.complete(listSessions({ client })),
      async () => Promise.reject((await listSessions({ client })).error),
    ]) {
      thrown.push(await (call() as Promise<unknown>).then(String, (error: unknown) => error));
    }
    for (const error of thrown) {
      assert.ok(error instanceof LatchkeyError, inspect(error));
      assert.deepEqual([error.kind, error.code, isRetryable(error)], [kind, code, retryable]);
    }
  });
}

test('an error of the API has the members of the answer, and no token, and prints none', async () => {
  const { server, latchkey } = device();
  server.play = () => pending('mfa_authenticate', { session_token: 'lkst_secret' });
  const { error } = await login({ client: apiClient(latchkey), body: { email: 'ada@example.com', password: 'right' } });
  assert.ok(error instanceof LatchkeyError && 'data' in error);
  assert.equal(error.action, 'continue_flow');
  assert.ok(error.flows.some(({ id, is_pending }) => id === 'mfa_authenticate' && is_pending));
  assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes('lkst_secret'));
  const result = await latchkey.complete(login({ client: apiClient(latchkey), body: { email: 'ada@example.com', password: 'right' } }));
  assert.equal(result.kind, 'pending');
});

test('`complete` does not say signed_in for tokens that nobody keeps', async () => {
  const { server, latchkey } = await signedIn();
  const old = [...(await signedIn({ server })).store.texts.values()].join().match(/h\.[^"]*refresh:1:0/)![0];
  await latchkey.signOut();
  const result = await latchkey.complete(refreshToken({ client: apiClient(latchkey), body: { refresh: old } }));
  assert.deepEqual([result.kind, latchkey.session.state], ['done', 'signed_out']);
});

test('the types know what is needed and what there is', () => {
  const good: SignInRequest = { email: 'ada@example.com', password: 'x' };
  // @ts-expect-error: nobody is named
  const bad: SignInRequest = {};
  // @ts-expect-error: there is no password
  const worse: SignInRequest = { phone: '+31612345678' };
  assert.ok(good && bad && worse);
});
