/**
 * Keeps the session of a page in a browser, such as the web build of an Expo app.
 *
 * @packageDocumentation
 */
import { shared } from './shared.js';
import { endingPlaces, memoryStorage, type Storage } from './storage.js';

/** What is used of `window.sessionStorage`. */
export interface WebStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface TabStorageOptions {
  /** Begins the names of the items; `latchkey` by default. */
  prefix?: string;
}

/** How long a page waits for the one before it to let go of the tab, in milliseconds: a reload ends it first. */
const patience = 2_000;

/**
 * Keeps the session in `sessionStorage`: it outlives a reload, and ends with the tab. A script that gets into the page
 * can read it. Where that is too much, keep it on a server and give the page a cookie: see the README.
 *
 * A browser copies `sessionStorage` when a tab is duplicated. Two tabs with one refresh token would end the session, so
 * the copy begins signed out. That needs Web Locks, which pages at `https://` and `http://localhost` have; elsewhere,
 * and where the browser keeps nothing, the session is in memory.
 */
export function tabStorage({ prefix = 'latchkey' }: TabStorageOptions = {}): Storage {
  const locks = globalThis.navigator?.locks;
  const store = storeOf(globalThis);

  if (!store || !locks) {
    return memoryStorage();
  }
  const known = pages.get(store) ?? new Map<string, Storage>();
  const storage = known.get(prefix) ?? storageOf(store, prefix, locks);
  pages.set(store, known.set(prefix, storage));

  return storage;
}

/** One storage for each store and prefix: the page's second client shares the first one's session. */
const pages = shared('pages', () => new WeakMap<WebStore, Map<string, Storage>>());

function storageOf(store: WebStore, prefix: string, locks: LockManager): Storage {
  const nameOf = (name: string): string => `${prefix}.${name}`;
  const taken = takeTab(store, nameOf('tab'), locks).then((isOurs) => {
    if (!isOurs) {
      forget(store, nameOf);
    }
  });

  return {
    id: `tab ${Math.random()} ${prefix}`,
    secure: false,
    read: async (name) => {
      await taken;
      return store.getItem(nameOf(name));
    },
    write: async (name, text) => {
      await taken;
      store.setItem(nameOf(name), text);
    },
    remove: async (name) => {
      await taken;
      store.removeItem(nameOf(name));
    },
  };
}

/** The store of the tab; undefined where the browser forbids it, or there is none. */
function storeOf(page: { sessionStorage?: WebStore }): WebStore | undefined {
  try {
    return page.sessionStorage;
  } catch {
    return undefined;
  }
}

/** Locks the tab's name until the page is gone. False where another page has it: this one is a copy, and gets a name of its own. */
async function takeTab(store: WebStore, key: string, locks: LockManager): Promise<boolean> {
  const known = store.getItem(key);
  if (known && (await held(locks, known, patience))) {
    return true;
  }
  const name = `${key}.${Math.random().toString(36).slice(2)}.${Date.now()}`;
  await held(locks, name, patience);
  store.setItem(key, name);

  return !known;
}

/** Locks `name` for as long as the page lives; false where that takes too long. */
function held(locks: LockManager, name: string, milliseconds: number): Promise<boolean> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);

  return new Promise((resolve) => {
    const locked = (): Promise<never> => {
      clearTimeout(timer);
      resolve(true);
      return new Promise(() => undefined);
    };
    locks.request(name, { signal: controller.signal }, locked).catch(() => resolve(false));
  });
}

/** Forgets what was copied from another tab. */
function forget(store: WebStore, nameOf: (name: string) => string): void {
  for (const name of ['slot-0', 'slot-1', ...endingPlaces, 'device', 'probe']) {
    store.removeItem(nameOf(name));
  }
}
