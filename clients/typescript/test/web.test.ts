import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createLatchkey } from '../src/index.js';
import { fakeServer } from '../src/testing.js';
import { tabStorage, type WebStore } from '../src/web.js';

/** The locks of one browser, which all its pages share. */
class Locks {
  private readonly waiting = new Map<string, Promise<unknown>>();
  private readonly free: (() => void)[] = [];

  /** As `navigator.locks.request`. */
  request(name: string, { signal }: { signal: AbortSignal }, work: () => Promise<unknown>): Promise<unknown> {
    const before = this.waiting.get(name) ?? Promise.resolve();
    const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))));
    const turn = Promise.race([before, aborted]).then(() => void work());
    const gone = new Promise<void>((resolve) => this.free.push(resolve));
    this.waiting.set(name, turn.then(() => gone, () => before));

    return turn.then(() => gone);
  }

  /** All pages are gone, with their locks. */
  unload(): void {
    for (const free of this.free.splice(0)) {
      free();
    }
  }
}

class Tab implements WebStore {
  constructor(readonly texts = new Map<string, string>()) {}

  getItem = (key: string): string | null => this.texts.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.texts.set(key, value);
  removeItem = (key: string): void => void this.texts.delete(key);
}

const { navigator, setTimeout: later } = globalThis;

/** Makes this program a page of `tab`, where waiting for a lock costs no time. */
function page(tab: WebStore | undefined, locks: Locks | undefined): void {
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
  Object.defineProperty(globalThis, 'sessionStorage', { value: tab, configurable: true });
  globalThis.setTimeout = ((work: () => void) => later(work, 0)) as typeof setTimeout;
}

afterEach(() => {
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  Reflect.deleteProperty(globalThis, 'sessionStorage');
  globalThis.setTimeout = later;
});

const credentials = { email: 'ada@example.com', password: 'password' };
const server = fakeServer({ user: { email: credentials.email } });
const open = (): ReturnType<typeof createLatchkey> => createLatchkey({ baseUrl: server.baseUrl, storage: tabStorage(), fetch: server.fetch });

test('a session outlives a reload', async () => {
  const [tab, locks] = [new Tab(), new Locks()];
  page(tab, locks);
  await open().signIn(credentials);
  locks.unload();
  page(new Tab(tab.texts), locks);
  assert.equal((await open().ready()).state, 'signed_in');
});

test('a second client of one page shares the session', async () => {
  page(new Tab(), new Locks());
  const first = open();
  await first.signIn(credentials);
  const second = open();
  assert.equal((await second.ready()).state, 'signed_in');
  await second.signOut();
  assert.equal(first.session.state, 'signed_out');
});

test('a duplicated tab begins signed out, and the session of the first one goes on', async () => {
  const [tab, locks] = [new Tab(), new Locks()];
  page(tab, locks);
  const first = open();
  await first.signIn(credentials);

  const copy = new Tab(new Map(tab.texts));
  page(copy, locks);
  const second = open();
  assert.equal((await second.ready()).state, 'signed_out');
  assert.doesNotMatch(JSON.stringify([...copy.texts]), /fake\./);
  await second.signIn(credentials);

  await first.refresh();
  assert.deepEqual([first.session.state, second.session.state], ['signed_in', 'signed_in']);
});

test('the copy is a tab of its own from then on', async () => {
  const [tab, locks] = [new Tab(), new Locks()];
  page(tab, locks);
  await open().signIn(credentials);
  const copy = new Tab(new Map(tab.texts));
  page(copy, locks);
  await open().signIn(credentials);
  locks.unload();
  page(new Tab(copy.texts), locks);
  assert.equal((await open().ready()).state, 'signed_in');
});

test('where a browser keeps nothing or has no locks, nothing is written', async () => {
  const tab = new Tab();
  page(tab, undefined);
  await open().signIn(credentials);
  assert.equal(tab.texts.size, 0);
  page(undefined, new Locks());
  assert.equal((await open().signIn(credentials)).kind, 'signed_in');
});

test('no token is ever in localStorage', async () => {
  const touched: string[] = [];
  const local = new Proxy({}, { get: (_, name) => void touched.push(String(name)) });
  Object.defineProperty(globalThis, 'localStorage', { value: local, configurable: true });
  page(new Tab(), new Locks());
  await open().signIn(credentials);
  Reflect.deleteProperty(globalThis, 'localStorage');
  assert.deepEqual(touched, []);
});
