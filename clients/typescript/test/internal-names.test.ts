import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(folder + path, 'utf8');
const source = readdirSync(`${folder}src`).filter((name) => name.endsWith('.ts'));

/** What the build shortens. */
const names = [...read('scripts/internal-names.mjs').matchAll(/'(\w+)'/g)].map(([, name]) => name as string);

test('no name that the build shortens is a member of what goes over the wire', () => {
  const wire = new Set([...read('src/generated/types.gen.ts').matchAll(/^\s+'?(\w+)'?\??:/gm)].map(([, name]) => name as string));
  assert.ok(names.length > 10 && wire.has('credential'));
  assert.deepEqual(names.filter((name) => wire.has(name)), []);
});

test('no name that the build shortens is written as a text, which stays as it is', () => {
  const texts = new Set(source.flatMap((name) => [...read(`src/${name}`).matchAll(/'(\w+)' in |\['(\w+)'\]/g)]).map(([, one, other]) => (one ?? other) as string));
  assert.ok(texts.has('password'));
  assert.deepEqual(names.filter((name) => texts.has(name)), []);
});
