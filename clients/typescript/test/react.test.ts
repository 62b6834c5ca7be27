import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createElement, type ReactElement } from 'react';
// @ts-expect-error the package has no types of its own
import { act, create } from 'react-test-renderer';
import { LatchkeyProvider, useLatchkey, useSession } from '../src/react.js';
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
