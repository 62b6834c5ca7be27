// Writes dist/react-native: one file for each entry, and core.js, which they share. Metro wraps each module and drops
// nothing of it, so that few files make a small app. They are not minified, because Metro does that, and names are
// what a stack trace shows. Async functions become generators here, by a helper that is smaller than Babel's.
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { rollup } from 'rollup';

const root = fileURLToPath(new URL('..', import.meta.url));
const lowered = { 'async-await': false, 'optional-chain': false };

/** Both adapters need these; the rest of the core is what the main entry imports. */
const ofAdapters = ['device-errors', 'install'];

export async function writeReactNative({ entries, clientOnly, external, mangleProps, mangleCache }) {
  const sources = {
    name: 'sources',
    resolveId(id, importer) {
      return importer && id.startsWith('.') ? resolve(importer, '..', id.replace(/\.js$/, '.ts')) : null;
    },
    async load(id) {
      const tsconfigRaw = { compilerOptions: { useDefineForClassFields: false } };
      const options = { loader: 'ts', tsconfigRaw, target: 'es2020', mangleProps, mangleCache };

      return transform(await readFile(id, 'utf8'), { ...options, sourcefile: id, sourcemap: true });
    },
    // Metro lowers the few functions of the other files by Babel's helper, which any app has.
    async renderChunk(code, chunk) {
      return chunk.name !== 'core' ? null : transform(code, { sourcemap: true, target: 'es2020', supported: lowered });
    },
  };
  const input = Object.fromEntries(entries.map((entry) => [entry, join(root, `src/${entry}.ts`)]));
  const core = new Set();
  const isCore = (id, getModuleInfo) => {
    if (core.size === 0) {
      for (const name of ['index', ...ofAdapters]) {
        addWithImports(core, join(root, `src/${name}.ts`), getModuleInfo);
      }
      core.delete(input.index); // it stays small: what it exports, and nothing else
    }
    return core.has(id);
  };
  const isExternal = (id) => external.some((name) => id === name || id.startsWith(`${name}/`));
  const onwarn = (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning); // see the banner
  const bundle = await rollup({ input, plugins: [sources], external: isExternal, onwarn });

  await bundle.write({
    dir: join(root, 'dist/react-native'),
    format: 'cjs',
    exports: 'named',
    strict: false,
    banner: ({ name }) => (clientOnly.includes(name) ? "'use client';" : ''),
    esModule: true,
    sourcemap: true,
    generatedCode: { constBindings: true, objectShorthand: true },
    minifyInternalExports: true,
    chunkFileNames: '[name].js',
    manualChunks: (id, { getModuleInfo }) => (isCore(id, getModuleInfo) ? 'core' : undefined),
  });
  await bundle.close();
  const manifest = { type: 'commonjs', sideEffects: false };
  await writeFile(join(root, 'dist/react-native/package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

function addWithImports(found, id, getModuleInfo) {
  if (!found.has(id)) {
    found.add(id);
    getModuleInfo(id).importedIds.forEach((imported) => addWithImports(found, imported, getModuleInfo));
  }
}
