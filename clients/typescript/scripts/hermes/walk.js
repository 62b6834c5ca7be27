// The walk of an app, in the engine of React Native: sign in, use, refresh, sign out.
import { requests } from './phone.js';
import 'whatwg-fetch';
import { createLatchkey, memoryStorage } from '../../dist/index.js';
import { secureStorage } from '../../dist/keychain.js';
import { apiClient, updateProfile } from '../../dist/api.js';
import { signInWithPasskey } from '../../dist/passkeys.js';

function wants(what, got, wanted) {
  if (JSON.stringify(got) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
  }
}

const items = new Map();
const keychain = {
  ACCESSIBLE: {},
  ACCESS_CONTROL: {},
  STORAGE_TYPE: {},
  getGenericPassword: async ({ service }) => (items.has(service) ? { password: items.get(service) } : false),
  setGenericPassword: async (_, password, { service }) => items.set(service, password),
  resetGenericPassword: async ({ service }) => items.delete(service),
};

async function walk() {
  let now = 0;
  const options = {
    baseUrl: 'https://auth.example.com',
    storage: secureStorage(keychain, { onReinstall: 'keep' }),
    clock: { monotonic: () => now, setTimer: () => () => undefined },
  };
  let refused = false;
  try {
    createLatchkey({ ...options, storage: memoryStorage() });
  } catch {
    refused = true;
  }
  wants('a store that is not secure is refused', refused, true);

  const latchkey = createLatchkey(options);
  const result = await latchkey.signIn({ email: 'ada@example.com', password: 'correct horse battery' });
  wants('sign-in', result.kind, 'signed_in');
  const client = apiClient(latchkey);
  wants('a generated PATCH', (await updateProfile({ client, body: { display: 'Ada' } })).data.display, 'Ada');
  now += 301_000;
  const answers = await Promise.all(Array.from({ length: 50 }, () => latchkey.fetch('/api/v1/users/profile/')));
  wants('50 calls', answers.every((answer) => answer.status === 200), true);
  wants('refreshes', requests.filter(({ path }) => path.endsWith('/refresh')).length, 1);
  const stored = [...items.values()].join(' ');
  wants('the store holds no access token', stored.includes('eyJ'), false);
  await (await latchkey.signOut()).revoked;
  wants('state', latchkey.session.state, 'signed_out');
  wants('the store holds no token', [...items.values()].join(' ').includes('r1'), false);
  const asked = [];
  const passkeys = { create: async () => null, get: async (options) => (asked.push(options.challenge), { id: 'a' }) };
  wants('sign-in by passkey', (await signInWithPasskey(latchkey, passkeys)).kind, 'signed_in');
  wants('the passkey was asked', asked, ['Y2hhbGxlbmdl']);
  passkeys.get = () => Promise.reject(Object.assign(new Error('UserCancelled'), { code: 'Passkey Get' }));
  wants('a prompt that is dismissed', await signInWithPasskey(latchkey, passkeys).catch((error) => error.kind), 'cancelled');
  wants('state', latchkey.session.state, 'signed_in');
  return requests.length;
}

walk().then(
  (count) => print(`Hermes: signed in, refreshed, signed out, signed in by passkey; ${count} requests`),
  (error) => print(`Hermes: FAILED ${error.message} ${error.stack}`),
);
