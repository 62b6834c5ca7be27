import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import ts from 'typescript';
import * as api from '../src/api.js';
import { createClient } from '../src/generated/client/index.js';

const folder = fileURLToPath(new URL('../../', import.meta.url));
const recorded = `${folder}../testdata/`;

interface Recorded {
  readonly operation: string;
  readonly status: number;
  readonly text: string;
}

/** The answers that a server really gave; a copy of the package alone has none. */
function answers(): Recorded[] {
  if (!existsSync(recorded)) {
    return [];
  }
  return readdirSync(recorded)
    .filter((name) => name.endsWith('.json'))
    .map((name) => {
      const [operation = '', status] = name.split('.');
      return { operation, status: Number(status), text: readFileSync(recorded + name, 'utf8') };
    });
}

type Call = (options: { client: ReturnType<typeof createClient> }) => Promise<{ data?: unknown; error?: unknown }>;

test('every recorded answer arrives whole through the function of its operation', async () => {
  for (const { operation, status, text } of answers()) {
    const call = (api as unknown as Record<string, Call>)[operation];
    assert.ok(call, `no function ${operation}`);
    const fetch = async () => new Response(text, { status, headers: { 'Content-Type': 'application/json' } });
    const result = await call({ client: createClient({ baseUrl: 'https://auth.example.com', fetch }) });
    const got = status < 300 ? result.data : result.error;
    assert.deepEqual(got, JSON.parse(text), `${operation} ${status}`);
  }
});

test('every recorded answer has the type that the client gives it', () => {
  const name = `${folder}src/testdata.check.ts`;
  const lines = answers().map(({ operation, status, text }, n) => {
    const type = operation.charAt(0).toUpperCase() + operation.slice(1) + (status < 300 ? 'Responses' : 'Errors');
    return `export const a${n}: types.${type}[${status}] = ${text};`;
  });
  const source = `import type * as types from './generated/types.gen.js';\n${lines.join('\n')}\n`;
  const options: ts.CompilerOptions = {
    strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2020, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2020.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'], types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => file === name || fileExists(file);
  host.getSourceFile = (file, version) => (file === name ? ts.createSourceFile(file, source, version) : getSourceFile(file, version));
  const found = ts.getPreEmitDiagnostics(ts.createProgram([name], options, host));
  assert.deepEqual(found.map((d) => ts.flattenDiagnosticMessageText(d.messageText, '\n')), []);
});
