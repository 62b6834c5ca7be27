// Measures what the client adds to an app: the bundle of a React Native app with the client and an adapter, less that
// of the same app without. Fails above the limit, which is the size that the client's README states.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const limit = 13 * 1024;

const here = fileURLToPath(new URL('.', import.meta.url));
process.env.NODE_ENV = 'production';
process.env.PACKAGE_EXPORTS = 'on';
const require = createRequire(import.meta.url);
const { loadConfig, runBuild } = require('metro');
const config = { ...(await loadConfig({ cwd: here, config: 'metro.config.js' })), reporter: { update() {} } };
const folder = mkdtempSync(join(tmpdir(), 'latchkey-size-'));

const app = `
  import { createElement } from 'react';
  import { AppRegistry, Text } from 'react-native';
  AppRegistry.registerComponent('app', () => () => createElement(Text, null, 'app'));
`;
const without = await sizesOf(app);
const tooLarge = [];

for (const adapter of ['expo', 'keychain']) {
  const withIt = await sizesOf(`${app}
    import { createLatchkey } from '@latchkey-auth/client';
    import { secureStorage } from '@latchkey-auth/client/${adapter}';
    globalThis.client = [createLatchkey, secureStorage];
  `);
  const added = Object.fromEntries(Object.entries(withIt).map(([name, bytes]) => [name, bytes - without[name]]));

  console.log(`# client and ${adapter} adapter in a release for Android:`);
  console.log(`#   ${added.gzipped} bytes minified and gzipped, of ${limit}`);
  console.log(`#   as Hermes bytecode: ${added.bytecode} bytes, ${added.bytecodeGzipped} gzipped`);
  if (added.gzipped > limit) {
    tooLarge.push(adapter);
  }
}
rmSync(folder, { recursive: true });

if (tooLarge.length > 0) {
  console.error(`above ${limit} bytes: ${tooLarge.join(', ')}`);
  process.exit(1);
}

async function sizesOf(source) {
  writeFileSync(join(here, 'measured.js'), source);
  const minified = await bundle(true);
  const bytecode = compile(await bundle(false)); // Gradle and Xcode do not minify what Hermes compiles

  return { gzipped: gzip(minified), bytecode: bytecode.length, bytecodeGzipped: gzip(bytecode) };
}

async function bundle(minify) {
  const { code } = await runBuild(config, { entry: 'measured.js', platform: 'android', dev: false, minify });
  return code;
}

/** Compiles a bundle by the compiler of React Native, with the options that Gradle gives it. */
function compile(code) {
  const system = { linux: 'linux64-bin', darwin: 'osx-bin', win32: 'win64-bin' }[process.platform];
  const hermesc = join(dirname(require.resolve('react-native/package.json')), 'sdks/hermesc', system, 'hermesc');
  const [input, output] = ['app.js', 'app.hbc'].map((name) => join(folder, name));

  writeFileSync(input, code);
  execFileSync(hermesc, ['-w', '-emit-binary', '-max-diagnostic-width=80', '-O', '-out', output, input]);
  return readFileSync(output);
}

function gzip(content) {
  return gzipSync(content, { level: 9 }).length;
}
