// Installs the packed package into small projects, as a stranger's app would, and runs each: see README.md.
// `node consumers/run.mjs [project…]`; prints the seconds of each.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projects } from './projects.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const client = join(here, '..');
// Below the example, so that the projects find React Native, Expo, Jest and TypeScript in its node_modules.
const folder = join(client, 'example/build/consumers');
const chosen = process.argv.slice(2);

rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, 'node_modules/@latchkey-auth'), { recursive: true });
if (!timed('npm pack', install)) {
  process.exit(1);
}

const failed = [];
cpSync(join(here, 'shared'), join(folder, 'shared'), { recursive: true });
for (const name of readdirSync(here).filter((name) => name in projects)) {
  if (chosen.length > 0 && !chosen.includes(name)) {
    continue;
  }
  cpSync(join(here, name), join(folder, name), { recursive: true });
  for (const [what, command] of Object.entries(projects[name])) {
    if (!timed(`${name}: ${what}`, () => run(command, join(folder, name)))) {
      failed.push(`${name}: ${what}`);
    }
  }
}

if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exit(1);
}

/** Packs the package as npm publishes it, and unpacks it where the projects find it first. */
function install() {
  const packed = run(['npm', 'pack', '--silent', '--pack-destination', folder], client).trim().split('\n').at(-1);
  run(['tar', '-xzf', join(folder, packed), '-C', folder], folder);
  renameSync(join(folder, 'package'), join(folder, 'node_modules/@latchkey-auth/client'));
}

function run([program, ...rest], cwd) {
  const env = { ...process.env, CI: '1', NODE_ENV: undefined, EXPO_NO_TELEMETRY: '1', EXPO_OFFLINE: '1' };
  return execFileSync(program, rest, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 });
}

function timed(name, work) {
  const start = performance.now();
  let note = 'ok';
  let said = '';
  try {
    said = work() ?? '';
  } catch (error) {
    note = `FAILED\n${error.stdout ?? ''}${error.stderr ?? error.stack}`;
  }
  console.log(`${name.padEnd(44)} ${((performance.now() - start) / 1_000).toFixed(1).padStart(6)} s  ${note}`);
  for (const line of said.split('\n').filter((line) => line.startsWith('# '))) {
    console.log(line);
  }

  return note === 'ok';
}
