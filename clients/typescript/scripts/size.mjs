// Prints what the client costs in the bundle of a web bundler, which drops what is not used, minified by terser and
// gzipped. Fails where sign-in, session and refresh with one of the adapters are above the limit. What Metro makes of
// it is measured in consumers/metro/size.mjs.
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { minify } from 'terser';

const limit = 11 * 1024;

async function measure(source) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: new URL('..', import.meta.url).pathname, loader: 'js' },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2020',
    external: ['react', 'expo-secure-store', 'react-native-keychain'],
  });
  const { code } = await minify(outputFiles[0].text, { module: true, ecma: 2020, compress: { passes: 3 } });
  return { minified: code.length, gzipped: gzipSync(code, { level: 9 }).length };
}

const core = "export { createLatchkey, memoryStorage } from './dist/index.js';";
const rows = {
  'sign-in, session and refresh': core,
  '… with the Expo adapter': `${core} export { secureStorage } from './dist/expo.js';`,
  '… with the keychain adapter': `${core} export { secureStorage } from './dist/keychain.js';`,
  '… with Expo and its unlock prompt': `${core} export { secureStorage } from './dist/expo.js'; export { biometrics } from './dist/expo-biometrics.js';`,
  '… with the store of a browser tab': `${core} export { tabStorage } from './dist/web.js';`,
  '… with passkeys in the browser': `${core} export { browserPasskeys, signInWithPasskey, addPasskey } from './dist/passkeys.js';`,
  '… with other services': `${core} export { providerNonce, signInWithProvider } from './dist/providers.js';`,
  '… with one operation of ./api': `${core} export { apiClient, listSessions } from './dist/api.js';`,
  '… with all operations of ./api': `${core} export * from './dist/api.js';`,
};
const limited = ['… with the Expo adapter', '… with the keychain adapter'];
let tooLarge = false;
for (const [name, source] of Object.entries(rows)) {
  const { minified, gzipped } = await measure(source);
  console.log(`${name.padEnd(34)} ${String(minified).padStart(7)} B minified ${String(gzipped).padStart(7)} B gzipped`);
  tooLarge ||= limited.includes(name) && gzipped > limit;
}
if (tooLarge) {
  console.error(`Client and adapter are larger than ${limit} bytes.`);
  process.exit(1);
}
