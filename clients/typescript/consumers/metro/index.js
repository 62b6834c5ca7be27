// Every part of the client in one bundle, and a sign-in with it.
import { createLatchkey } from '@latchkey-auth/client';
import * as adopt from '@latchkey-auth/client/adopt';
import { apiClient, listSessions } from '@latchkey-auth/client/api';
import * as expo from '@latchkey-auth/client/expo';
import * as keychain from '@latchkey-auth/client/keychain';
import * as passkeys from '@latchkey-auth/client/passkeys';
import * as providers from '@latchkey-auth/client/providers';
import * as react from '@latchkey-auth/client/react';
import * as secondFactor from '@latchkey-auth/client/second-factor';
import { fakeServer, testStorage } from '@latchkey-auth/client/testing';

const required = require('@latchkey-auth/client');

async function run() {
  const server = fakeServer({ user: { email: 'ada@example.com' } });
  const latchkey = createLatchkey({ baseUrl: server.baseUrl, storage: testStorage(), fetch: server.fetch });
  await latchkey.signIn({ email: 'ada@example.com', password: 'password' });
  const { data } = await listSessions({ client: apiClient(latchkey) });
  const parts = [adopt, expo, keychain, passkeys, providers, react, secondFactor].map((part) => Object.keys(part).length);

  return { sessions: data.data.length, areThere: parts.every((count) => count > 0), isOne: required.createLatchkey === createLatchkey };
}

globalThis.result = run();
