// A client at the top of a module, on a server: a warning in development, because all visitors share its session.
import assert from 'node:assert/strict';
import { setTimeout as later } from 'node:timers/promises';
import { createLatchkey } from '@latchkey-auth/client';
import { LatchkeyProvider, useSession } from '@latchkey-auth/client/react';
import { fakeServer, testStorage } from '@latchkey-auth/client/testing';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';

const user = { email: 'ada@example.com', password: 'right' };
const said = [];
console.error = (message) => said.push(message);

const App = () => createElement('p', null, useSession().state);
const draw = (client) => renderToString(createElement(LatchkeyProvider, { client }, createElement(App)));

function newClient() {
  const { baseUrl, fetch } = fakeServer({ user });
  return createLatchkey({ baseUrl, storage: testStorage(), fetch });
}

const client = newClient();
for (const page of ['one', 'two']) {
  draw(client);
  await later(1);
}
assert.deepEqual(said, [], 'nobody has signed in with it');

await client.signIn(user);
draw(client);
draw(client); // the same request may draw twice: to see what it has to load, and then the page
await later(1);
assert.deepEqual(said, []);

process.env.NODE_ENV = 'production';
draw(client);
assert.deepEqual(said, [], 'in production');

delete process.env.NODE_ENV;
for (const page of ['one', 'two']) {
  draw(client);
  await later(1);
}
assert.equal(said.length, 1);
assert.match(said[0], /share its session/);

for (const request of ['one', 'two']) {
  const own = newClient();
  await own.signIn(user);
  draw(own);
  await later(1);
}
assert.equal(said.length, 1, 'a client for each request');
