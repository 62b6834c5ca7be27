import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createElement, type ReactElement } from 'react';
// @ts-expect-error the package has no types of its own
import { act, create } from 'react-test-renderer';
import { createLatchkey, type Latchkey } from '../src/index.js';
import { LatchkeyProvider, SignedIn, SignedOut, useCall, useLatchkey, useSession, useSignIn, useSignOut, useSignUp, type Call, type SignInCall } from '../src/react.js';
import { fakeServer, testStorage, type FakeServer, type FakeServerOptions } from '../src/testing.js';
import { device, signedIn } from './stand-in/device.js';

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

function Who(): ReactElement {
  const session = useSession();
  return createElement('p', null, session.state === 'signed_out' ? `signed out: ${session.reason ?? 'never in'}` : session.state);
}

test('a component shows the session, and is drawn again when it changes', async () => {
  const { latchkey } = await signedIn();
  let screen: { toJSON(): { children: string[] }; unmount(): void };
  await act(async () => {
    screen = create(createElement(LatchkeyProvider, { client: latchkey }, createElement(Who)));
  });
  assert.deepEqual(screen!.toJSON().children, ['signed_in']);
  await act(async () => void (await latchkey.signOut()));
  assert.deepEqual(screen!.toJSON().children, ['signed out: user']);
  await act(async () => screen.unmount());
});

test('the hooks say what is missing without a provider', () => {
  const Lost = (): ReactElement => createElement('p', null, useLatchkey().baseUrl);
  const { console } = globalThis;
  globalThis.console = { ...console, error: () => undefined };
  try {
    assert.throws(() => act(() => create(createElement(Lost))), /LatchkeyProvider/);
  } finally {
    globalThis.console = console;
  }
  device().latchkey.close();
});

const ada = { email: 'ada@example.com', display: 'Ada' };
const credentials = { email: ada.email, password: 'password' };

/** A component that uses one hook, and what the hook gave last. */
async function shown<Given>(hook: () => Given, options: FakeServerOptions = {}): Promise<{ server: FakeServer; latchkey: Latchkey; last: () => Given }> {
  const server = fakeServer({ user: ada, ...options });
  const latchkey = createLatchkey({ baseUrl: server.baseUrl, storage: testStorage(), fetch: server.fetch });
  const given: Given[] = [];
  const Probe = (): null => {
    given.push(hook());
    return null;
  };
  await act(async () => void create(createElement(LatchkeyProvider, { client: latchkey }, createElement(Probe))));

  return { server, latchkey, last: () => given.at(-1) as Given };
}

test('useSignIn shows that it is busy, then the problem, then the user', async () => {
  const { last, latchkey } = await shown(() => useSignIn());
  assert.deepEqual([last().isPending, last().error, last().data], [false, undefined, undefined]);

  let done: Promise<unknown> = Promise.resolve();
  await act(async () => void (done = last().run({ ...credentials, password: 'wrong' })));
  assert.equal(await done, undefined);
  assert.equal(last().error?.code, 'email_password_mismatch');
  assert.match(last().problemAt('password') ?? '', /not correct/);
  assert.equal(last().problemAt('email'), undefined);

  await act(async () => void (await last().run(credentials)));
  assert.deepEqual([last().error, last().data?.kind, last().flows], [undefined, 'signed_in', []]);
  assert.equal(latchkey.session.state, 'signed_in');
});

test('a second tap while a sign-in is on its way asks the server nothing', async () => {
  const { last, server } = await shown(() => useSignIn());
  await act(async () => {
    const first = last().run(credentials);
    assert.equal(last().run(credentials), first);
    await first;
  });
  assert.equal(server.requests.filter(({ path }) => path.endsWith('auth/login')).length, 1);
});

test('while a call is on its way isPending is true', async () => {
  let answer: (text: string) => void = () => undefined;
  const { last } = await shown(() => useCall(() => new Promise<string>((resolve) => (answer = resolve))));
  let running: Promise<unknown> = Promise.resolve();
  await act(async () => void (running = last().run()));
  assert.equal(last().isPending, true);
  await act(async () => {
    answer('here');
    await running;
  });
  assert.deepEqual([last().isPending, last().data], [false, 'here']);
  await act(async () => last().reset());
  assert.equal(last().data, undefined);
});

test('useSignIn names the step that a sign-in waits for', async () => {
  const { last } = await shown(() => useSignIn(), { user: { ...ada, secondFactor: true } });
  await act(async () => void (await last().run(credentials)));
  assert.deepEqual(last().flows.map(({ id }) => id), ['mfa_authenticate']);
});

test('useSignUp makes an account, and useSignOut leaves it', async () => {
  const { last, latchkey } = await shown((): { up: SignInCall<{ email?: string; password?: string }>; out: Call<[], unknown> } => ({ up: useSignUp(), out: useSignOut() }));
  await act(async () => void (await last().up.run({ email: 'grace@example.com', password: 'long enough' })));
  assert.equal(latchkey.session.state, 'signed_in');
  await act(async () => void (await last().out.run()));
  assert.equal(latchkey.session.state, 'signed_out');
});

test('what is no error of the client is thrown, and a dismissed prompt is no error', async () => {
  const mistake = await shown(() => useCall(async () => assert.fail('a mistake of the app')));
  await act(async () => void (await assert.rejects(mistake.last().run(), /a mistake/)));
  assert.deepEqual([mistake.last().isPending, mistake.last().error], [false, undefined]);

  const controller = new AbortController();
  controller.abort();
  const { last } = await shown(() => useCall((client: Latchkey) => client.signIn(credentials, { signal: controller.signal })));
  const { latchkey } = await signedIn();
  await act(async () => void (await last().run(latchkey)));
  assert.equal(last().error, undefined);
});

test('SignedIn and SignedOut show their children where it is so, and the other thing elsewhere', async () => {
  const { latchkey } = await signedIn();
  let screen: { toJSON(): unknown };
  const text = (): string => JSON.stringify(screen.toJSON());
  const inside = createElement(SignedIn, { otherwise: createElement('p', null, 'please sign in') }, createElement('p', null, 'the app'));
  const outside = createElement(SignedOut, null, createElement('p', null, 'the form'));
  await act(async () => void (screen = create(createElement(LatchkeyProvider, { client: latchkey }, inside, outside))));
  assert.match(text(), /the app/);
  assert.doesNotMatch(text(), /the form|please sign in/);
  await act(async () => void (await latchkey.signOut()));
  assert.match(text(), /please sign in/);
  assert.match(text(), /the form/);
});
