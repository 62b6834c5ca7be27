// Runs the client in Hermes, the engine of React Native: bundled by esbuild, lowered to ES5
// by swc, as Metro and Babel do it for an app.
import { transform } from '@swc/core';
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const folder = new URL('..', import.meta.url).pathname;
const { outputFiles } = await build({
  entryPoints: [join(folder, 'scripts/hermes/walk.js')],
  bundle: true,
  write: false,
  format: 'iife',
  target: 'es2018', // keeps the generated client's async generator, which swc lowers
});
const { code } = await transform(outputFiles[0].text, { jsc: { target: 'es5', parser: { syntax: 'ecmascript' } }, isModule: false });
await mkdir(join(folder, 'build'), { recursive: true });
const file = join(folder, 'build/hermes.js');
await writeFile(file, code);

const platforms = { linux: 'linux64-bin', darwin: 'osx-bin' };
const engine = join(dirname(createRequire(import.meta.url).resolve('hermes-engine-cli/package.json')), platforms[process.platform] ?? '', 'hermes');
const said = execFileSync(engine, ['-w', file], { encoding: 'utf8' });
process.stdout.write(said);
if (!/^Hermes: signed in/m.test(said)) {
  process.exit(1);
}
