// Bundles index.js as `react-native bundle` does, runs it, and prints what the client adds to a bundle.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
process.env.NODE_ENV = 'production';
const require = createRequire(import.meta.url);
const { loadConfig, runBuild } = require('metro');
const config = { ...(await loadConfig({ cwd: here, config: 'metro.config.js' })), reporter: { update() {} } };

async function bundle(entry) {
  const { code } = await runBuild(config, { entry, platform: 'android', dev: false, minify: true });
  return code;
}

const code = await bundle('index.js');
assert.deepEqual(await run(code), { sessions: 1, areThere: true, isOne: true });

const empty = await sizeOf('');
for (const adapter of ['expo', 'keychain']) {
  const bytes = (await sizeOf(`exports.a = require('@latchkey-auth/client').createLatchkey; exports.b = require('@latchkey-auth/client/${adapter}').secureStorage;`)) - empty;
  console.log(`# client and ${adapter} adapter in a bundle for Android: ${bytes} bytes gzipped`);
}

/** What the bundle leaves in `globalThis.result`. */
async function run(text) {
  const indirect = eval;
  indirect(text);
  return globalThis.result;
}

async function sizeOf(source) {
  writeFileSync(new URL('measured.js', import.meta.url), `${source}\n`);
  return gzipSync(await bundle('measured.js'), { level: 9 }).length;
}
