import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secureStorage as expoStorage, type ExpoSecureStore } from '../src/expo.js';
import { biometrics as expoBiometrics } from '../src/expo-biometrics.js';
import { secureStorage as keychainStorage, type ReactNativeKeychain } from '../src/keychain.js';
import { biometrics as keychainBiometrics } from '../src/keychain-biometrics.js';
import type { PlainStore } from '../src/install.js';
import { createLatchkey, isRetryable, LatchkeyError, type Storage } from '../src/index.js';
import { credentials, ends, profile } from './stand-in/device.js';
import { baseUrl, Server } from './stand-in/server.js';

/** The part of a phone's system that both libraries stand on: items, lock state, prompts. */
class Phone {
  items = new Map<string, { text: string; options: Record<string, unknown> }>();
  /** What the next operations throw, as the library would. */
  failure: Error | undefined;
  /** What operations on an item with a prompt throw. */
  gatedFailure: Error | undefined;
  prompt: 'passed' | 'cancelled' = 'passed';
  prompts = 0;

  get(key: string, gated: boolean): string | null {
    this.fail(gated);
    const item = this.items.get(key);
    if (item && gated) {
      this.prompts++;
      if (this.prompt === 'cancelled') {
        throw Object.assign(new Error('User canceled the operation.'), { code: '-128' });
      }
    }
    return item?.text ?? null;
  }

  set(key: string, text: string, options: object): void {
    this.fail('accessControl' in options || 'requireAuthentication' in options);
    this.items.set(key, { text, options: options as Record<string, unknown> });
  }

  remove(key: string): void {
    this.fail();
    this.items.delete(key);
  }

  private fail(gated = false): void {
    const failure = this.failure ?? (gated ? this.gatedFailure : undefined);
    if (failure) {
      throw failure;
    }
  }
}

const expoOn = (phone: Phone): ExpoSecureStore => ({
  AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: 1,
  WHEN_UNLOCKED_THIS_DEVICE_ONLY: 2,
  getItemAsync: async (key, options) => phone.get(key, options?.requireAuthentication === true),
  setItemAsync: async (key, text, options = {}) => phone.set(key, text, options),
  deleteItemAsync: async (key) => phone.remove(key),
});

type KeychainOptions = { service: string; accessControl?: string };

const keychainOn = (phone: Phone): ReactNativeKeychain => ({
  ACCESSIBLE: { AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: 'AccessibleAfterFirstUnlockThisDeviceOnly', WHEN_UNLOCKED_THIS_DEVICE_ONLY: 'AccessibleWhenUnlockedThisDeviceOnly' },
  ACCESS_CONTROL: {
    BIOMETRY_ANY: 'BiometryAny',
    BIOMETRY_CURRENT_SET: 'BiometryCurrentSet',
    BIOMETRY_ANY_OR_DEVICE_PASSCODE: 'BiometryAnyOrDevicePasscode',
    BIOMETRY_CURRENT_SET_OR_DEVICE_PASSCODE: 'BiometryCurrentSetOrDevicePasscode',
  },
  STORAGE_TYPE: { AES_GCM: 'KeystoreAESGCM', AES_GCM_NO_AUTH: 'KeystoreAESGCM_NoAuth' },
  getGenericPassword: async (options: KeychainOptions) => {
    const password = phone.get(options.service, options.accessControl !== undefined);
    return password === null ? false : { password };
  },
  setGenericPassword: async (_: string, password: string, options: KeychainOptions) => (phone.set(options.service, password, options), { service: options.service }),
  resetGenericPassword: async (options: KeychainOptions) => (phone.remove(options.service), true),
});

const plain = (): PlainStore & { texts: Map<string, string> } => {
  const texts = new Map<string, string>();
  return { texts, getItem: async (key) => texts.get(key) ?? null, setItem: async (key, text) => texts.set(key, text) };
};

const kinds = {
  expo: {
    biometrics: expoBiometrics as (options: object) => unknown,
    storage: (phone: Phone, options: object): Storage => expoStorage(expoOn(phone), options as never),
    thisDevice: { keychainAccessible: 1 },
  },
  keychain: {
    biometrics: keychainBiometrics as (options: object) => unknown,
    storage: (phone: Phone, options: object): Storage => keychainStorage(keychainOn(phone), options as never),
    thisDevice: { accessible: 'AccessibleAfterFirstUnlockThisDeviceOnly', storage: 'KeystoreAESGCM_NoAuth' },
  },
};

const unavailable = [
  ['No biometrics are currently enrolled', 'not_enrolled'],
  ['E_BIOMETRIC_NOT_ENROLLED', 'not_enrolled'],
  ['code: 11, msg: No fingerprints enrolled.', 'not_enrolled'],
  ['Lockout. Too many attempts.', 'locked_out'],
  ['E_BIOMETRIC_LOCKOUT', 'locked_out'],
  ['code: 7, msg: Too many attempts. Try again later.', 'locked_out'],
  ['E_BIOMETRIC_LOCKOUT_PERMANENT', 'locked_out'],
  ['E_PASSCODE_NOT_SET', 'no_passcode'],
  ['code: 14, msg: No device credential', 'no_passcode'],
  ['E_BIOMETRIC_UNAVAILABLE', 'unavailable'],
  ['No hardware available for biometric authentication', 'unavailable'],
  ['Authentication failed. Provided passphrase/PIN is incorrect or there is no user authentication method configured for this device.', 'unavailable'],
  ['code: -25293, msg: errSecAuthFailed', 'unavailable'],
] as const;

let apps = 0;
const newApp = (): string => `app${++apps}`;

async function launch(storage: Storage, server = new Server()): Promise<{ latchkey: ReturnType<typeof createLatchkey>; seen: Parameters<typeof ends>[0][]; server: Server }> {
  const latchkey = createLatchkey({ baseUrl, storage, fetch: server.fetch });
  const seen: Parameters<typeof ends>[0][number][] = [];
  latchkey.onChange((session) => seen.push(session));
  await latchkey.ready();
  return { latchkey, seen: [seen], server };
}

for (const [name, { biometrics, storage, thisDevice }] of Object.entries(kinds)) {
  test(`${name}: items stay on this device, readable after the first unlock, and come back`, async () => {
    const phone = new Phone();
    const prefix = newApp();
    const { latchkey, server } = await launch(storage(phone, { prefix, installMarker: plain() }));
    await latchkey.signIn(credentials);
    latchkey.close();
    for (const [key, { options }] of phone.items) {
      assert.ok(key.startsWith(`${prefix}.`));
      for (const [option, value] of Object.entries(thisDevice)) {
        assert.equal(options[option], value, `${key} ${option}`);
      }
    }
    const again = await launch(storage(phone, { prefix, onReinstall: 'keep' }), server);
    assert.equal(again.latchkey.session.state, 'signed_in');
    again.latchkey.close();
  });

  test(`${name}: after a reinstall the session is forgotten once, unless the policy is to keep it`, async () => {
    for (const policy of ['clear', 'keep'] as const) {
      const phone = new Phone();
      const prefix = newApp();
      const first = await launch(storage(phone, { prefix, installMarker: plain() }));
      await first.latchkey.signIn(credentials);
      first.latchkey.close();
      const marker = plain(); // the app's own files went with it, the keychain stayed
      const options = policy === 'keep' ? { prefix, onReinstall: policy } : { prefix, installMarker: marker };
      const second = await launch(storage(phone, options), first.server);
      assert.equal(second.latchkey.session.state, policy === 'keep' ? 'signed_in' : 'signed_out');
      assert.deepEqual(ends(second.seen[0]!), policy === 'keep' ? [] : ['reinstalled']);
      assert.equal(first.server.refreshes, 0);
      if (policy === 'clear') {
        assert.doesNotMatch([...phone.items.values()].map((item) => item.text).join(), /refresh:/);
        await second.latchkey.signIn(credentials);
        second.latchkey.close();
        const third = await launch(storage(phone, options), first.server);
        assert.equal(third.latchkey.session.state, 'signed_in');
        third.latchkey.close();
      }
      second.latchkey.close();
    }
  });

  test(`${name}: a backup restored on another phone starts signed out, with reason restored, and spends nothing`, async () => {
    const prefix = newApp();
    const marker = plain();
    const first = await launch(storage(new Phone(), { prefix, installMarker: marker }));
    await first.latchkey.signIn(credentials);
    first.latchkey.close();

    const phone = new Phone(); // the app's files are here, the keychain of the other phone is not
    const second = await launch(storage(phone, { prefix, installMarker: marker }), first.server);
    assert.deepEqual([second.latchkey.session.state, ends(second.seen[0]!), first.server.refreshes], ['signed_out', ['restored'], 0]);
    second.latchkey.close();

    const third = await launch(storage(phone, { prefix, installMarker: marker }), first.server);
    assert.deepEqual(ends(third.seen[0]!), ['restored'], 'until the user signs in');
    await third.latchkey.signIn(credentials);
    third.latchkey.close();
    const fourth = await launch(storage(phone, { prefix, installMarker: marker }), first.server);
    assert.equal(fourth.latchkey.session.state, 'signed_in');
    fourth.latchkey.close();
  });

  test(`${name}: an app that had no session is not restored, and a locked phone is no empty one`, async () => {
    const prefix = newApp();
    const marker = plain();
    (await launch(storage(new Phone(), { prefix, installMarker: marker }))).latchkey.close();
    const other = await launch(storage(new Phone(), { prefix, installMarker: marker }));
    assert.deepEqual(ends(other.seen[0]!), [undefined]);
    await other.latchkey.signIn(credentials);
    await (await other.latchkey.signOut()).revoked;
    other.latchkey.close();
    const away = await launch(storage(new Phone(), { prefix, installMarker: marker }));
    assert.deepEqual(ends(away.seen[0]!), [undefined], 'the user had signed out before the backup');
    await away.latchkey.signIn(credentials);
    away.latchkey.close();

    const phone = new Phone();
    const notFound = { ...phone, get: () => null }; // what iOS says before the first unlock
    const locked = Object.assign(new Error('User interaction is not allowed.'), { code: '-25308' });
    const before = Object.assign(Object.create(Object.getPrototypeOf(phone)) as Phone, notFound, { failure: locked });
    const latchkey = createLatchkey({ baseUrl, storage: storage(before, { prefix, installMarker: marker }), fetch: other.server.fetch });
    await assert.rejects(latchkey.ready(), { kind: 'locked' });
    latchkey.close();
  });

  test(`${name}: a phone that is locked after a restart hides the marker too, and nothing is forgotten`, async () => {
    const phone = new Phone();
    const prefix = newApp();
    const marker = plain();
    const first = await launch(storage(phone, { prefix, installMarker: marker }));
    await first.latchkey.signIn(credentials);
    first.latchkey.close();
    const texts = new Map(marker.texts);
    marker.texts.clear();
    phone.failure = Object.assign(new Error('User interaction is not allowed.'), { code: '-25308' });
    const latchkey = createLatchkey({ baseUrl, storage: storage(phone, { prefix, installMarker: marker }), fetch: first.server.fetch });
    await assert.rejects(latchkey.ready(), { kind: 'locked' });
    assert.equal(latchkey.session.state, 'locked');
    phone.failure = undefined;
    texts.forEach((text, key) => marker.texts.set(key, text));
    assert.equal((await latchkey.ready()).state, 'signed_in');
    latchkey.close();
  });

  test(`${name}: a marker that shows up with the unlock is no reinstall`, async () => {
    const phone = new Phone();
    const prefix = newApp();
    const marker = plain();
    const first = await launch(storage(phone, { prefix, installMarker: marker }));
    await first.latchkey.signIn(credentials);
    first.latchkey.close();
    phone.failure = Object.assign(new Error('User interaction is not allowed.'), { code: '-25308' });
    let asked = 0;
    // The person unlocks while the app starts: between its second look at the marker and what follows.
    const getItem = async (key: string): Promise<string | null> => {
      if (++asked === 2) {
        phone.failure = undefined;
        return null;
      }
      return asked > 2 ? marker.getItem(key) : null;
    };
    const latchkey = createLatchkey({ baseUrl, storage: storage(phone, { prefix, installMarker: { ...marker, getItem } }), fetch: first.server.fetch });
    await assert.rejects(latchkey.ready(), { kind: 'locked' });
    phone.failure = undefined;
    asked = 2;
    assert.equal((await latchkey.ready()).state, 'signed_in');
    latchkey.close();
  });

  test(`${name}: failures are told apart`, async () => {
    const phone = new Phone();
    const made = storage(phone, { prefix: newApp(), onReinstall: 'keep' });
    for (const [failure, kind, code] of [
      [Object.assign(new Error("Calling the 'getValueWithKeyAsync' function has failed → Caused by: User interaction is not allowed."), { code: 'ERR_KEY_CHAIN' }), 'locked', undefined],
      [Object.assign(new Error('code: -25308'), { code: '-25308' }), 'locked', undefined],
      [Object.assign(new Error('Key permanently invalidated'), { code: 'E_CRYPTO_FAILED' }), 'store', 'storage_key_lost'],
      [Object.assign(new Error('Could not decrypt'), { code: 'E_CRYPTO_FAILED' }), 'store', undefined],
    ] as const) {
      phone.failure = failure;
      await assert.rejects(made.read('slot-0'), { kind, code });
      await assert.rejects(made.write('slot-0', ''), { kind, code });
      await assert.rejects(made.remove('slot-0'), { kind, code });
    }
  });

  test(`${name}: the prompt belongs to an item of its own; a dismissal, a new enrolment and the first time are told apart`, async () => {
    const phone = new Phone();
    const prefix = newApp();
    const make = (onEnrolmentChange?: string): Storage => storage(phone, { prefix, onReinstall: 'keep', biometrics: biometrics({ prompt: 'Unlock Example', onEnrolmentChange }) });
    const made = make();
    assert.equal(await made.unlock?.(), 'unlocked');
    assert.equal(await made.unlock?.(), 'unlocked');
    assert.equal(phone.prompts, 2);
    phone.prompt = 'cancelled';
    assert.equal(await made.unlock?.(), 'dismissed');
    phone.prompt = 'passed';
    phone.items.delete(`${prefix}.unlock`); // what the system does when faces or fingers change
    assert.equal(await made.unlock?.(), 'changed');
    assert.equal(await made.unlock?.(), 'unlocked');
    phone.items.delete(`${prefix}.unlock`);
    assert.equal(await make('keep').unlock?.(), 'unlocked');
    phone.failure = new Error('input/output error');
    await assert.rejects(made.unlock!(), { kind: 'store' });
  });

  for (const [words, code] of unavailable) {
    test(`${name}: a device that cannot prompt says why: ${words}`, async () => {
      const phone = new Phone();
      const make = (whenUnavailable?: string): Storage =>
        storage(phone, { prefix: newApp(), onReinstall: 'keep', biometrics: biometrics({ prompt: 'Unlock Example', whenUnavailable }) });
      phone.gatedFailure = Object.assign(new Error(words), /^E_/.test(words) ? { code: words } : {});
      const error: unknown = await make().unlock!().then(String, (e: unknown) => e);
      assert.ok(error instanceof LatchkeyError);
      assert.deepEqual([error.kind, error.code, isRetryable(error)], ['unlock_unavailable', code, code === 'locked_out']);

      const open = make('open').unlock!();
      if (code === 'locked_out') {
        await assert.rejects(open, { kind: 'unlock_unavailable' }, 'wrong faces open nothing');
      } else {
        assert.equal(await open, 'unlocked');
      }
    });
  }
}

test('a client whose device cannot prompt fails typed, with one try for all requests, and the policy `open` lets them out', async () => {
  for (const whenUnavailable of ['closed', 'open'] as const) {
    const phone = new Phone();
    const server = new Server();
    const options = { prefix: newApp(), onReinstall: 'keep', biometrics: expoBiometrics({ prompt: 'Unlock Example', whenUnavailable }) } as const;
    const first = await launch(expoStorage(expoOn(phone), options), server);
    await first.latchkey.signIn(credentials);
    first.latchkey.close();
    phone.gatedFailure = new Error('No biometrics are currently enrolled');
    const { latchkey } = await launch(expoStorage(expoOn(phone), options), server);
    assert.equal(latchkey.session.state, 'signed_in');
    if (whenUnavailable === 'open') {
      assert.equal((await latchkey.fetch(profile)).status, 200);
    } else {
      await assert.rejects(latchkey.fetch(profile), { kind: 'unlock_unavailable', code: 'not_enrolled' });
      await latchkey.refresh();
    }
    latchkey.close();
  }
});

test('keychain: the passcode serves too where that is allowed', async () => {
  for (const [options, control] of [
    [{}, 'BiometryCurrentSet'],
    [{ passcode: true }, 'BiometryCurrentSetOrDevicePasscode'],
    [{ passcode: true, onEnrolmentChange: 'keep' }, 'BiometryAnyOrDevicePasscode'],
  ] as const) {
    const phone = new Phone();
    const prefix = newApp();
    const made = keychainStorage(keychainOn(phone), { prefix, onReinstall: 'keep', biometrics: keychainBiometrics({ prompt: 'Unlock', ...options }) });
    assert.equal(await made.unlock?.(), 'unlocked');
    assert.equal(phone.items.get(`${prefix}.unlock`)?.options['accessControl'], control);
  }
});

test('expo: a device without faces and fingers asks for its passcode where that is allowed', async () => {
  const phone = new Phone();
  phone.gatedFailure = new Error('No biometrics are currently enrolled');
  const answers: { success: boolean; error?: string }[] = [{ success: true }, { success: false, error: 'user_cancel' }, { success: false, error: 'passcode_not_set' }];
  const passcode = { authenticateAsync: async () => answers.shift()! };
  const made = expoStorage(expoOn(phone), { prefix: newApp(), onReinstall: 'keep', biometrics: expoBiometrics({ prompt: 'Unlock', passcode }) });
  assert.equal(await made.unlock?.(), 'unlocked');
  assert.equal(await made.unlock?.(), 'dismissed');
  await assert.rejects(made.unlock!(), { kind: 'unlock_unavailable', code: 'no_passcode' });
});
