// Generates src/generated from ../../openapi.yaml, and leaves out the client of event streams, for which the generator has
// no option: this API has none, and apps would carry a kilobyte of it.
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
execFileSync('npx', ['--no-install', 'openapi-ts'], { cwd: root, stdio: 'inherit' });

const file = new URL('../src/generated/core/serverSentEvents.gen.ts', import.meta.url);
const source = await readFile(file, 'utf8');
const begin = source.indexOf('export function createSseClient');
if (begin < 0) {
  throw new Error('the generated code has no createSseClient: look at this script');
}
const stub = `export function createSseClient<TData = unknown>(_options: ServerSentEventsOptions): ServerSentEventsResult<TData> {
  throw new Error('latchkey: this API has no event streams');
}
`;
await writeFile(file, source.slice(0, begin) + stub);
