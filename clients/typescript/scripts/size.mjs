// Prints what sign-in, session and refresh cost in an app's bundle, and fails above the limit.
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';

const limit = 10 * 1024;

async function measure(source) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: new URL('..', import.meta.url).pathname, loader: 'js' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2020',
    external: ['react', 'expo-secure-store', 'react-native-keychain'],
  });
  const [{ contents }] = outputFiles;
  return { minified: contents.length, gzipped: gzipSync(contents, { level: 9 }).length };
}

const core = "export { createLatchkey, memoryStorage } from './dist/index.js';";
const rows = {
  'sign-in, session and refresh': core,
  '… with the Expo adapter': `${core} export { secureStorage } from './dist/expo.js';`,
  '… with the keychain adapter': `${core} export { secureStorage } from './dist/keychain.js';`,
  '… with passkeys in the browser': `${core} export { browserPasskeys, signInWithPasskey, addPasskey } from './dist/passkeys.js';`,
  '… with other services': `${core} export { providerNonce, signInWithProvider } from './dist/providers.js';`,
  '… with one operation of ./api': `${core} export { apiClient, listSessions } from './dist/api.js';`,
  '… with all operations of ./api': `${core} export * from './dist/api.js';`,
};
let first;
for (const [name, source] of Object.entries(rows)) {
  const size = await measure(source);
  first ??= size;
  console.log(`${name.padEnd(34)} ${String(size.minified).padStart(7)} B minified ${String(size.gzipped).padStart(7)} B gzipped`);
}
if (first.gzipped > limit) {
  console.error(`The client is larger than ${limit} bytes.`);
  process.exit(1);
}
