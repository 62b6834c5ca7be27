// Builds the package from src/, with one implementation a program:
//
//   dist/*.js        ES modules, for bundlers that drop what is not used
//   dist/cjs         CommonJS and all types, for Node and Jest
//   dist/react-native  what Metro bundles: see bundle.mjs
//   dist/node/*.js   the names of dist/cjs as ES modules, so that `import` and `require` get the same classes
//   NAME/            a stub for each sub-path, for what does not read `exports`: `moduleResolution: node10`, older Metro
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import ts from 'typescript';
import { writeReactNative } from './bundle.mjs';
import { internalNames } from './internal-names.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const subPaths = Object.keys(manifest.exports)
  .filter((path) => path !== './package.json')
  .map((path) => path.slice(2));
const entries = subPaths.map((path) => path || 'index');

await removeOldBuild();
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
await writeCommonJS();
const shortNames = await shortenNames();
await writeReactNative({ entries, clientOnly: await clientOnly(), external: Object.keys(manifest.peerDependencies), ...shortNames });

for (const entry of entries) {
  await writeEntry(entry);
}
for (const path of subPaths.filter(Boolean)) {
  await writeStub(path);
}

async function removeOldBuild() {
  for (const folder of ['dist', 'build', ...subPaths.filter(Boolean)]) {
    await rm(join(root, folder), { recursive: true, force: true });
  }
}

async function writeCommonJS() {
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2020, isolatedModules: true, removeComments: true };
  const names = await readdir(join(root, 'src'), { recursive: true });

  for (const name of names.filter((name) => name.endsWith('.ts'))) {
    const source = await readFile(join(root, 'src', name), 'utf8');
    const { outputText } = ts.transpileModule(source, { compilerOptions });
    await write(`dist/cjs/${name.replace(/\.ts$/, '.js')}`, outputText);
  }
  await write('dist/cjs/package.json', json({ type: 'commonjs', sideEffects: false }));
}

/**
 * Shortens the names of members that only this package uses, in all files alike: the bundler of an app
 * cannot know that nobody else uses them, and leaves them as they are.
 */
async function shortenNames() {
  const wire = await readFile(join(root, 'src/generated/types.gen.ts'), 'utf8');
  const taken = internalNames.filter((name) => new RegExp(`^ *'?${name}'?\\??:`, 'm').test(wire));

  if (taken.length > 0) {
    throw new Error(`the server's answers and requests have members of these names: ${taken.join(', ')}`);
  }
  for (const name of (await readdir(join(root, 'src'))).filter((name) => name.endsWith('.ts'))) {
    const quoted = /'(\w+)' in /g;
    const asked = [...(await readFile(join(root, 'src', name), 'utf8')).matchAll(quoted)].map(([, member]) => member);

    if (asked.some((member) => internalNames.includes(member))) {
      throw new Error(`src/${name} asks for a member by its name, which the build shortens`);
    }
  }
  const mangleProps = new RegExp(`^(${internalNames.join('|')})$`);
  let mangleCache = {};

  for (const folder of ['dist', 'dist/cjs', 'dist/generated-actions', 'dist/cjs/generated-actions']) {
    for (const name of (await readdir(join(root, folder))).filter((name) => name.endsWith('.js'))) {
      const path = `${folder}/${name}`;
      const result = await transform(await readFile(join(root, path), 'utf8'), { mangleProps, mangleCache, target: 'es2020' });

      mangleCache = result.mangleCache;
      await write(path, result.code);
    }
  }
  return { mangleProps, mangleCache };
}

/** The entries that servers must not run. */
async function clientOnly() {
  const sources = await Promise.all(entries.map((entry) => readFile(join(root, `src/${entry}.ts`), 'utf8')));
  return entries.filter((_, index) => /^'use client'/m.test(sources[index]));
}

/** Writes what stands for an entry in Node, and its types as an ES module. */
async function writeEntry(entry) {
  const names = Object.keys(createRequire(import.meta.url)(join(root, `dist/cjs/${entry}.js`)));
  const directive = (await clientOnly()).includes(entry) ? "'use client';\n" : '';

  await write(`dist/node/${entry}.js`, `${directive}export { ${names.join(', ')} } from '../cjs/${entry}.js';\n`);
  await write(`dist/${entry}.d.ts`, `export * from './cjs/${entry}.js';\n`);
}

async function writeStub(path) {
  const up = relative(path, '.');
  await write(`${path}/package.json`, json({ main: `${up}/dist/cjs/${path}.js`, 'react-native': `${up}/dist/react-native/${path}.js`, types: `${up}/dist/cjs/${path}.d.ts` }));
}

async function write(path, text) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}
