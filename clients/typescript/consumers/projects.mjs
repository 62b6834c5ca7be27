/** What is run in each project: a name, and a command. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../example/node_modules', import.meta.url));
const bin = (name) => join(modules, '.bin', name);
const tsc = (config) => [bin('tsc'), '--noEmit', '-p', config];
const jest = [bin('jest'), '--ci', '--no-watchman', '--runInBand'];

export const projects = {
  node: {
    import: ['node', 'import.mjs'],
    require: ['node', 'require.cjs'],
    'both in one program': ['node', 'both.mjs'],
    'two copies in one program': ['node', 'twice.mjs'],
    'stack trace': ['node', '--conditions=react-native', '--enable-source-maps', 'trace.cjs'],
  },
  types: {
    'nodenext, ES module': tsc('nodenext.json'),
    'nodenext, CommonJS': tsc('nodenext-cjs.json'),
    bundler: tsc('bundler.json'),
    node10: tsc('node10.json'),
  },
  ssr: { hydration: ['node', 'hydrate.mjs'], 'a client that visitors share': ['node', 'shared.mjs'] },
  metro: {
    'package exports on': ['env', 'PACKAGE_EXPORTS=on', 'node', 'bundle.mjs'],
    'package exports off': ['env', 'PACKAGE_EXPORTS=off', 'node', 'bundle.mjs'],
    size: ['node', 'size.mjs'],
  },
  'jest-react-native': { jest },
  'jest-expo': { jest },
};
