import assert from 'node:assert/strict';

const tokens = [/eyJ[\w-]{10,}/, /lkst_[\w-]{5,}/];

/** Where a secret stands in `places` (name to text): the names. Tokens are known by how they begin. */
export function leaks(places, secrets) {
  const holds = (text) => tokens.some((token) => token.test(text)) || secrets.some((secret) => text.includes(secret));
  return Object.keys(places).filter((name) => holds(places[name]));
}

/** Everything that the page of `page` has put where it outlives the page or is seen by others. */
export async function kept(page) {
  const places = await page.evaluate(async () => {
    const databases = [];
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise((done, failed) => {
        const opening = indexedDB.open(name);
        opening.onsuccess = () => done(opening.result);
        opening.onerror = () => failed(opening.error);
      });
      for (const store of database.objectStoreNames) {
        const all = await new Promise((done, failed) => {
          const reading = database.transaction(store).objectStore(store).getAll();
          reading.onsuccess = () => done(reading.result);
          reading.onerror = () => failed(reading.error);
        });
        databases.push([name, store, all]);
      }
      database.close();
    }
    return {
      localStorage: JSON.stringify({ ...localStorage }),
      sessionStorage: JSON.stringify({ ...sessionStorage }),
      indexedDB: JSON.stringify(databases),
      address: location.href,
    };
  });
  return { ...places, cookies: JSON.stringify(await page.context().cookies()) };
}

/** Puts a token into each place of a fresh context, and asserts that each is found: a check that finds nothing must be able to. */
export async function proveLeaksAreFound(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate(async () => {
    const token = `eyJ${'x'.repeat(20)}`;
    localStorage.setItem('a', token);
    sessionStorage.setItem('a', 'lkst_abcdef');
    document.cookie = `a=${token}`;
    location.hash = token;
    await new Promise((done, failed) => {
      const opening = indexedDB.open('a');
      opening.onupgradeneeded = () => opening.result.createObjectStore('a');
      opening.onerror = () => failed(opening.error);
      opening.onsuccess = () => {
        const writing = opening.result.transaction('a', 'readwrite');
        writing.objectStore('a').put({ deep: ['a password of ours'] }, 1);
        writing.oncomplete = () => done(opening.result.close());
        writing.onerror = () => failed(writing.error);
      };
    });
  });
  const found = leaks(await kept(page), ['a password of ours']);
  await context.close();
  assert.deepEqual(found.sort(), ['address', 'cookies', 'indexedDB', 'localStorage', 'sessionStorage'], 'planted secrets were not found');
}
