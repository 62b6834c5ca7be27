import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secureStorage as expoStorage, type ExpoSecureStore } from '../src/expo.js';
import { secureStorage as keychainStorage, type ReactNativeKeychain } from '../src/keychain.js';
import type { PlainStore } from '../src/install.js';
import { createLatchkey, type Storage } from '../src/index.js';
import { credentials, ends } from './stand-in/device.js';
import { baseUrl, Server } from './stand-in/server.js';

/** The part of a phone's system that both libraries stand on: items, lock state, prompts. */
class Phone {
  items = new Map<string, { text: string; options: Record<string, unknown> }>();
  /** What the next operations throw, as the library would. */
  failure: Error | undefined;
  prompt: 'passed' | 'cancelled' = 'passed';
  prompts = 0;

  get(key: string, gated: boolean): string | null {
    this.fail();
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
    this.fail();
    this.items.set(key, { text, options: options as Record<string, unknown> });
  }

  remove(key: string): void {
    this.fail();
    this.items.delete(key);
  }

  private fail(): void {
    if (this.failure) {
      throw this.failure;
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
  ACCESS_CONTROL: { BIOMETRY_ANY: 'BiometryAny', BIOMETRY_CURRENT_SET: 'BiometryCurrentSet' },
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
  expo: { storage: (phone: Phone, options: object): Storage => expoStorage(expoOn(phone), options as never), thisDevice: { keychainAccessible: 1 } },
  keychain: {
    storage: (phone: Phone, options: object): Storage => keychainStorage(keychainOn(phone), options as never),
    thisDevice: { accessible: 'AccessibleAfterFirstUnlockThisDeviceOnly', storage: 'KeystoreAESGCM_NoAuth' },
  },
};

let apps = 0;
const newApp = (): string => `app${++apps}`;

async function launch(storage: Storage, server = new Server()): Promise<{ latchkey: ReturnType<typeof createLatchkey>; seen: Parameters<typeof ends>[0][]; server: Server }> {
  const latchkey = createLatchkey({ baseUrl, storage, fetch: server.fetch });
  const seen: Parameters<typeof ends>[0][number][] = [];
  latchkey.onChange((session) => seen.push(session));
  await latchkey.ready();
  return { latchkey, seen: [seen], server };
}

for (const [name, { storage, thisDevice }] of Object.entries(kinds)) {
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
    const make = (onEnrolmentChange?: string): Storage => storage(phone, { prefix, onReinstall: 'keep', biometrics: { prompt: 'Unlock Example', onEnrolmentChange } });
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
    phone.failure = new Error('Lockout. Too many attempts.');
    await assert.rejects(made.unlock!(), { kind: 'store' });
  });
}
