import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { browserPasskeys, browserSupportsPasskeys, signInWithPasskey } from '../src/passkeys.js';
import { device } from './stand-in/device.js';
import { asksToShow, creationOptions, requestOptions, signedInAs } from './stand-in/passkeys.js';

const globals = { PublicKeyCredential: globalThis.PublicKeyCredential as unknown, navigator: Object.getOwnPropertyDescriptor(globalThis, 'navigator') };

/** Puts a browser of that kind around the test. */
function browser(credential: object, statics: object = {}): unknown[] {
  const asked: unknown[] = [];
  const answer = async (options: unknown): Promise<object> => (asked.push(options), credential);
  Object.assign(globalThis, { PublicKeyCredential: statics });
  Object.defineProperty(globalThis, 'navigator', { value: { credentials: { create: answer, get: answer } }, configurable: true });
  return asked;
}

afterEach(() => {
  Object.assign(globalThis, { PublicKeyCredential: globals.PublicKeyCredential });
  Object.defineProperty(globalThis, 'navigator', globals.navigator ?? { value: undefined, configurable: true });
});

const buffer = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer;
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, v: unknown) => (v instanceof Uint8Array ? [...v] : v)));

test('a browser reads and writes the JSON itself where it can', async () => {
  const asked = browser({ toJSON: () => ({ id: 'by toJSON' }) }, { parseCreationOptionsFromJSON: (o: object) => ({ ...o, parsed: 1 }), parseRequestOptionsFromJSON: (o: object) => ({ ...o, parsed: 2 }) });
  const passkeys = browserPasskeys();
  assert.ok(browserSupportsPasskeys());
  assert.deepEqual(await passkeys.create(creationOptions), { id: 'by toJSON' });
  assert.deepEqual(await passkeys.get(requestOptions), { id: 'by toJSON' });
  assert.deepEqual(plain(asked), [
    { publicKey: { ...creationOptions, parsed: 1 }, signal: {} },
    { publicKey: { ...requestOptions, parsed: 2 }, signal: {} },
  ]);
});

test('for an older browser the bytes of a new passkey are read and written by hand', async () => {
  const asked = browser({
    id: '-_8', rawId: buffer(0xfb, 0xff), type: 'public-key', authenticatorAttachment: 'platform', getClientExtensionResults: () => ({ credProps: { rk: true } }),
    response: { clientDataJSON: buffer(1), attestationObject: buffer(2, 3), getTransports: () => ['internal'] },
  });
  const made = await browserPasskeys().create({ ...creationOptions, challenge: '-_8', excludeCredentials: [{ id: 'AQI', type: 'public-key' }] });
  assert.deepEqual(made, {
    id: '-_8', rawId: '-_8', type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: { credProps: { rk: true } },
    response: { clientDataJSON: 'AQ', attestationObject: 'AgM', transports: ['internal'] },
  });
  const user = { ...creationOptions.user, id: [105, 100] };
  assert.deepEqual(plain(asked), [{ publicKey: { ...creationOptions, user, challenge: [0xfb, 0xff], excludeCredentials: [{ id: [1, 2], type: 'public-key' }] }, signal: {} }]);
});

test('for an older browser the bytes of a passkey that is shown are, too', async () => {
  const response = { clientDataJSON: buffer(1), authenticatorData: buffer(2), signature: buffer(3), userHandle: null as ArrayBuffer | null };
  const asked = browser({ id: 'AQ', rawId: buffer(1), type: 'public-key', getClientExtensionResults: () => ({}), response });
  const passkeys = browserPasskeys();
  const wanted = { id: 'AQ', rawId: 'AQ', type: 'public-key', authenticatorAttachment: undefined, clientExtensionResults: {}, response: { clientDataJSON: 'AQ', authenticatorData: 'Ag', signature: 'Aw' } };
  assert.deepEqual(await passkeys.get(requestOptions), wanted);
  response.userHandle = buffer(4);
  assert.deepEqual(await passkeys.get({ challenge: 'AQ', allowCredentials: [{ id: 'Ag', type: 'public-key' }] }), { ...wanted, response: { ...wanted.response, userHandle: 'BA' } });
  assert.deepEqual(plain(asked[1]), { publicKey: { challenge: [1], allowCredentials: [{ id: [2], type: 'public-key' }] }, signal: {} });
});

test('a second prompt closes the first, and so does calling it off', async () => {
  const asked = browser({ toJSON: () => ({}) }) as { signal: AbortSignal }[];
  const passkeys = browserPasskeys();
  await passkeys.get(requestOptions);
  await passkeys.get(requestOptions);
  assert.deepEqual(asked.map(({ signal }) => signal.aborted), [true, false]);
  passkeys.cancel?.();
  assert.equal(asked[1]?.signal.aborted, true);
});

test('where there are no passkeys that is said, and nothing is sent', async () => {
  assert.equal(browserSupportsPasskeys(), false);
  const { server, latchkey } = device();
  server.play = ({ method }) => (method === 'GET' ? asksToShow() : signedInAs(0));
  await assert.rejects(signInWithPasskey(latchkey, browserPasskeys()), { kind: 'passkey', code: 'passkey_unsupported' });
  assert.equal(server.count('POST /_allauth/app/v1/auth/webauthn/login'), 0);
});
