// Bundles index.js as `react-native bundle` does, and runs it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

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

/** What the bundle leaves in `globalThis.result`. */
async function run(text) {
  const indirect = eval;
  indirect(text);
  return globalThis.result;
}
