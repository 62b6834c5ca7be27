// As Next and other frameworks do it: a server draws the page, then the browser takes it over. The session was read
// from the store before that: what React draws first must be what the server has drawn all the same.
import assert from 'node:assert/strict';
import { createLatchkey } from '@latchkey-auth/client';
import { LatchkeyProvider, useSession } from '@latchkey-auth/client/react';
import { JSDOM } from 'jsdom';
import { act, createElement } from 'react';
import { renderToString } from 'react-dom/server';

const clientOf = (texts) =>
  createLatchkey({
    baseUrl: 'https://auth.example.com',
    storage: {
      secure: true,
      read: async (name) => texts.get(name) ?? null,
      write: async (name, text) => void texts.set(name, text),
      remove: async (name) => void texts.delete(name),
    },
  });
const App = () => createElement('p', null, useSession().state);
const page = (client) => createElement(LatchkeyProvider, { client }, createElement(App));

const html = renderToString(page(clientOf(new Map())));
assert.match(html, /unknown/);

const { window } = new JSDOM(`<div id="root">${html}</div>`);
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
Object.defineProperty(globalThis, 'navigator', { value: window.navigator, configurable: true });
const { hydrateRoot } = await import('react-dom/client');

const client = clientOf(new Map());
await client.ready();
assert.equal(client.session.state, 'signed_out');

const problems = [];
const root = document.getElementById('root');
await act(async () => {
  hydrateRoot(root, page(client), { onRecoverableError: (error) => problems.push(error.message) });
});
assert.deepEqual(problems, []);
assert.equal(root.textContent, 'signed_out');
