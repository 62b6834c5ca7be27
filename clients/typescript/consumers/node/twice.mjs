// A bundler may put the ES modules and the CommonJS of the package into one program. Then there are two copies, which have
// to understand each other: errors, the React context, and the session of a store that both use.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const folder = new URL('../node_modules/@latchkey-auth/client/dist/', import.meta.url);
const load = (path) => import(new URL(path, folder));
const [one, other] = [await load('index.js'), require(fileURLToPath(new URL('cjs/index.js', folder)))];
assert.notEqual(one.createLatchkey, other.createLatchkey, 'these are not two copies');

const error = new other.LatchkeyError('network', 'no answer');
assert.ok(error instanceof one.LatchkeyError && one.isRetryable(error));
assert.ok(!(new Error('another') instanceof one.LatchkeyError) && !(undefined instanceof one.LatchkeyError));

class Own extends one.LatchkeyError {}
assert.ok(!(error instanceof Own) && new Own('network', 'no answer') instanceof Own);

const react = [await load('react.js'), require(fileURLToPath(new URL('cjs/react.js', folder)))];
const { createElement } = require('react');
const { renderToString } = require('react-dom/server');
const { fakeServer } = await load('testing.js');
const server = fakeServer({ user: { email: 'ada@example.com' } });
const texts = new Map();
const storage = () => ({
  id: 'shared',
  secure: true,
  read: async (name) => texts.get(name) ?? null,
  write: async (name, text) => void texts.set(name, text),
  remove: async (name) => void texts.delete(name),
});
const options = () => ({ baseUrl: server.baseUrl, storage: storage(), fetch: server.fetch });
const [first, second] = [one.createLatchkey(options()), other.createLatchkey(options())];
await first.signIn({ email: 'ada@example.com', password: 'password' });
assert.equal(second.session.state, 'signed_in');
server.expireAccessTokens();
await Promise.all([first.fetch('/api/v1/users/profile/'), second.fetch('/api/v1/users/profile/')]);
assert.equal(server.requests.filter(({ path }) => path.endsWith('token/refresh')).length, 1);

const Url = () => createElement('p', null, react[1].useLatchkey().baseUrl);
assert.match(renderToString(createElement(react[0].LatchkeyProvider, { client: first }, createElement(Url))), /auth\.example\.com/);
