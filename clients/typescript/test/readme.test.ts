import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import type { QueryClient } from '@tanstack/react-query';
import ts from 'typescript';
import { createLatchkey } from '../src/index.js';
import { fakeServer, testStorage } from '../src/testing.js';

const folder = fileURLToPath(new URL('../../', import.meta.url));

/** What the README's code imports and an app would have installed. */
const installed = `
declare module '@react-native-async-storage/async-storage' {
  const AsyncStorage: { getItem(key: string): Promise<string | null>; setItem(key: string, value: string): Promise<void>; multiRemove(keys: string[]): Promise<void> };
  export default AsyncStorage;
}
declare module '@react-native-community/netinfo' {
  type State = { isConnected: null; isInternetReachable: null } | { isConnected: boolean; isInternetReachable: boolean | null };
  const NetInfo: { addEventListener(listener: (state: State) => void): () => void };
  export default NetInfo;
}
declare module 'expo-secure-store' {
  export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: number;
  export const WHEN_UNLOCKED_THIS_DEVICE_ONLY: number;
  export interface SecureStoreOptions { keychainService?: string; requireAuthentication?: boolean; authenticationPrompt?: string; keychainAccessible?: number; accessGroup?: string }
  export function getItemAsync(key: string, options?: SecureStoreOptions): Promise<string | null>;
  export function setItemAsync(key: string, value: string, options?: SecureStoreOptions): Promise<void>;
  export function deleteItemAsync(key: string, options?: SecureStoreOptions): Promise<void>;
}
declare module 'react-native-keychain' {
  export enum ACCESSIBLE { AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY = 'a', WHEN_UNLOCKED_THIS_DEVICE_ONLY = 'b' }
  export enum ACCESS_CONTROL { BIOMETRY_ANY = 'a', BIOMETRY_CURRENT_SET = 'b', BIOMETRY_ANY_OR_DEVICE_PASSCODE = 'c', BIOMETRY_CURRENT_SET_OR_DEVICE_PASSCODE = 'd' }
  export enum STORAGE_TYPE { AES_GCM = 'a', AES_GCM_NO_AUTH = 'b' }
  export interface SetOptions { service?: string; accessible?: ACCESSIBLE; accessControl?: ACCESS_CONTROL; storage?: STORAGE_TYPE }
  export function getGenericPassword(options?: { service?: string; accessControl?: ACCESS_CONTROL }): Promise<false | { username: string; password: string }>;
  export function setGenericPassword(username: string, password: string, options?: SetOptions): Promise<false | object>;
  export function resetGenericPassword(options?: { service?: string }): Promise<boolean>;
}
declare module 'expo-apple-authentication' {
  export enum AppleAuthenticationScope { FULL_NAME = 0, EMAIL = 1 }
  interface Credential { identityToken: string | null; authorizationCode: string | null; fullName: { givenName: string | null; familyName: string | null } | null }
  export function signInAsync(options?: { requestedScopes?: AppleAuthenticationScope[]; nonce?: string }): Promise<Credential>;
}
declare module 'react-native-passkeys' {
  interface Descriptor { id: string; type: 'public-key'; transports?: ('usb' | 'internal' | 'hybrid')[] }
  interface Created { challenge: string; rp: { id: string; name: string }; user: { id: string; name: string; displayName: string }; pubKeyCredParams: { type: 'public-key'; alg: number }[]; excludeCredentials?: Descriptor[]; signal?: AbortSignal }
  interface Shown { challenge: string; rpId?: string; allowCredentials?: Descriptor[]; userVerification?: 'required' | 'preferred' | 'discouraged' }
  export function isSupported(): boolean;
  export function create(request: Created, options?: { ios?: object }): Promise<object | null>;
  export function get(request: Shown, options?: { ios?: object }): Promise<object | null>;
}
declare module 'react-native-ssl-public-key-pinning' {
  export function initializeSslPinning(options: Record<string, { includeSubdomains?: boolean; publicKeyHashes: string[] }>): Promise<void>;
}
declare module 'react-native' {
  import type { FunctionComponent, ReactNode } from 'react';
  export const AppState: { addEventListener(type: 'change' | 'blur', listener: (state: 'active' | 'background' | 'inactive') => void): { remove(): void } };
  export const Text: FunctionComponent<{ children?: ReactNode }>;
  export const Button: FunctionComponent<{ title: string; disabled?: boolean; onPress(): void }>;
  export const TextInput: FunctionComponent<{ value: string; secureTextEntry?: boolean; onChangeText(text: string): void }>;
}
`;

/** The blocks of TypeScript in the README, as files of one app. */
function blocks(): Map<string, string> {
  const files = new Map([[`${folder}readme/installed.d.ts`, installed]]);
  const found = readFileSync(`${folder}README.md`, 'utf8').matchAll(/^```(tsx?)\n([^]*?)^```$/gm);
  for (const [, language, code] of found) {
    const name = /^\/\/ (\S+\.tsx?)\n/.exec(code as string)?.[1] ?? `block-${files.size}.${language}`;
    files.set(`${folder}readme/${name}`, `${code}\nexport {};\n`);
  }
  return files;
}

/** What the compiler says about files that are in memory only. */
function complaints(files: Map<string, string>): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    jsx: ts.JsxEmit.ReactJSX,
    skipLibCheck: true,
    types: ['node'],
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  };
  const host = ts.createCompilerHost(options);
  const { directoryExists, fileExists, readFile, getSourceFile } = host;
  host.directoryExists = (name) => name === `${folder}readme` || directoryExists?.(name) === true;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.getSourceFile = (name, ...rest) => {
    const text = files.get(name);
    return text === undefined ? getSourceFile(name, ...rest) : ts.createSourceFile(name, text, ts.ScriptTarget.ES2022);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map((d) => `${d.file?.fileName}: ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}`);
}

test('the code of the README compiles against the built package', () => {
  const files = blocks();
  assert.ok(files.size > 10);
  assert.deepEqual(complaints(files), []);
});

/** Runs a block of the README. */
async function run(name: string): Promise<unknown> {
  const source = blocks().get(`${folder}readme/${name}`) ?? assert.fail(`no block ${name}`);
  const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
  mkdirSync(`${folder}build/readme`, { recursive: true });
  writeFileSync(`${folder}build/readme/${name}.mjs`, outputText.replace("'./latchkey'", "'./latchkey.mjs'"));

  return import(`${folder}build/readme/${name}.mjs`);
}

test('the README\'s code for tests of apps runs', async () => {
  const said: unknown[][] = [];
  const { log } = console;
  console.log = (...words) => void said.push(words);
  try {
    await run('testing.ts');
  } finally {
    console.log = log;
  }
  assert.deepEqual(said, [[[{ id: 1, owner: 'Ada' }], 5]]);
});

test('the README\'s recipe for TanStack Query forgets what one user has loaded, also where another one signs in over the session', async () => {
  const server = fakeServer({ user: { email: 'ada@example.com', display: 'Ada' } });
  server.add({ email: 'grace@example.com', display: 'Grace' });
  const client = createLatchkey({ baseUrl: server.baseUrl, storage: testStorage(), fetch: server.fetch });
  Object.assign(globalThis, { clientOfQueries: client });
  mkdirSync(`${folder}build/readme`, { recursive: true });
  writeFileSync(`${folder}build/readme/latchkey.mjs`, 'export const latchkey = globalThis.clientOfQueries;\n');

  const { queries } = (await run('queries.ts')) as { queries: QueryClient };
  const profile = { queryKey: ['profile'], queryFn: async () => (await (await client.fetch('/api/v1/users/profile/')).json()) as { display: string } };
  const signIn = (email: string): Promise<unknown> => client.signIn({ email, password: 'password' });
  const loaded = (): unknown => queries.getQueryData(['profile']);

  await signIn('ada@example.com');
  assert.equal((await queries.fetchQuery(profile)).display, 'Ada');
  await client.refresh();
  assert.notEqual(loaded(), undefined, 'a refresh is no other user');

  await signIn('grace@example.com');
  assert.equal(loaded(), undefined);
  assert.equal((await queries.fetchQuery(profile)).display, 'Grace');

  await client.signOut();
  assert.equal(loaded(), undefined);
  await assert.rejects(queries.fetchQuery(profile), { kind: 'signed_out' });
});

test('the README\'s proxy keeps every token from the page', async () => {
  const { fetch } = globalThis;
  const auth = fakeServer({ user: { email: 'ada@example.com', display: 'Ada' } });
  globalThis.fetch = auth.fetch;
  const { server } = (await run('proxy.ts')) as { server: Server };
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  const seen: string[] = [];
  const ask = async (path: string, body?: object, headers: Record<string, string> = { Origin: 'https://app.example.com' }): Promise<{ status: number; json: unknown; cookie: string }> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}), headers });
    const cookie = answer.headers.get('Set-Cookie') ?? '';
    const text = await answer.text();
    seen.push(text, cookie);
    return { status: answer.status, json: JSON.parse(text) as unknown, cookie };
  };
  try {
    assert.equal((await ask('/api/v1/users/profile/')).status, 401);
    assert.equal((await ask('/auth/sign-in', { email: 'ada@example.com', password: 'password' }, { Origin: 'https://elsewhere.example' })).status, 403);
    assert.equal((await ask('/auth/sign-in', { email: 'ada@example.com', password: 'wrong' })).status, 400);
    const { cookie } = await ask('/auth/sign-in', { email: 'ada@example.com', password: 'password' });
    assert.match(cookie, /^__Host-visitor=[\w-]{43}; HttpOnly; Secure; SameSite=Lax/);
    const visitor = { Cookie: cookie.split(';')[0] ?? '', Origin: 'https://app.example.com' };
    auth.expireAccessTokens();
    const { status, json } = await ask('/api/v1/users/profile/', undefined, visitor);
    assert.deepEqual([status, (json as { display: string }).display], [200, 'Ada']);
    assert.equal((await ask('/api/v1/users/profile/', undefined, { Cookie: `__Host-visitor=${'a'.repeat(43)}` })).status, 401);
    await ask('/auth/sign-out', {}, visitor);
    assert.equal((await ask('/api/v1/users/profile/', undefined, visitor)).status, 401);
    assert.doesNotMatch(seen.join(' '), /fake\.|lkst_|lkdt_/);
  } finally {
    globalThis.fetch = fetch;
    server.close();
    server.closeAllConnections();
  }
});

test('the README says which errors and reasons there are', () => {
  const readme = readFileSync(`${folder}README.md`, 'utf8');
  const kinds = /export type ErrorKind = (.*);/.exec(readFileSync(`${folder}src/errors.ts`, 'utf8'))?.[1];
  const reasons = /export type DeviceEndReason = (.*);/.exec(readFileSync(`${folder}src/session.ts`, 'utf8'))?.[1];
  for (const word of `${kinds} ${reasons}`.match(/\w+/g) ?? []) {
    assert.ok(readme.includes(`\`${word}\``), word);
  }
});

test('a mistake in the README would be found', () => {
  const files = blocks();
  files.set(`${folder}readme/wrong.ts`, "import { createLatchkey } from '@latchkey-auth/client';\ncreateLatchkey({ baseUrl: 1 });\n");
  assert.equal(complaints(files).length, 1);
});
