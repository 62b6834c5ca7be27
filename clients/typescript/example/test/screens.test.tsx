import { afterEach, expect, jest, test } from '@jest/globals';
import { fakeServer } from '@latchkey-auth/client/testing';
import { Linking, View } from 'react-native';
import { latchkey } from '../src/latchkey';
import { undoKeyOf } from '../src/undo-link';
import { rowsOf } from '../src/ui/QrCode';
import { Phone } from './phone';

jest.setTimeout(60_000);

const ada = { email: 'ada@example.com', display: 'Ada Lovelace' };
const url = 'otpauth://totp/Example:ada@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example';
let phone: Phone | undefined;

afterEach(async () => {
  jest.restoreAllMocks();
  await phone?.close();
  phone = undefined;
});

async function openSignedIn(): Promise<Phone> {
  const opened = await Phone.open({ user: ada });
  await opened.fill('Email', ada.email);
  await opened.fill('Password', 'password');
  await opened.tap('Sign in');

  return opened;
}

test('the authenticator screen shows a QR code of the address of the key', async () => {
  phone = await openSignedIn();
  phone.server.on('GET account/authenticators', () => ({ status: 200, data: [] }));
  phone.server.on('GET account/authenticators/totp', () => answer(404, { meta: { secret: 'JBSWY3DPEHPK3PXP', totp_url: url } }));
  phone.server.on('GET config', () => ({ status: 200, data: { mfa: { supported_types: ['totp'] } } }));
  await phone.tap('Two-step sign-in');
  await phone.tap('Set up an authenticator app');
  const [code] = phone.all(View).filter(({ props }) => props.accessibilityLabel === 'QR code for the authenticator app');
  const dark = rowsOf(url).flat().length;
  expect(code?.findAllByType(View).length).toBe(dark + 2);
});

test('a QR code has its three corners', () => {
  const rows = rowsOf(url);
  const corner = [0, 6].map((row) => rows[row]?.[0]);
  expect(corner).toEqual([{ start: 0, length: 7 }, { start: 0, length: 7 }]);
  expect(rows[0]?.at(-1)).toEqual({ start: rows.length - 7, length: 7 });
  expect(rows.at(-1)?.[0]).toEqual({ start: 0, length: 7 });
});

test('an undo link is known by its address alone', () => {
  expect(undoKeyOf('latchkeyexample://undo/4Jr2wq1Z_k-Q')).toBe('4Jr2wq1Z_k-Q');
  expect(undoKeyOf('http://localhost:8081/#undo/4Jr2wq1Z')).toBe('4Jr2wq1Z');
  expect(undoKeyOf('http://localhost:8081/')).toBeUndefined();
  expect(undoKeyOf('https://elsewhere.example/?next=undo/4Jr2wq1Z')).toBeUndefined();
  expect(undoKeyOf(null)).toBeUndefined();
});

test('a user who is signed out undoes a change by the link, and sets a new password', async () => {
  jest.spyOn(Linking, 'getInitialURL').mockResolvedValue('latchkeyexample://undo/4Jr2wq1Z');
  const undo = { account: 'a•••@example.com', changes: [{ change: 'password_changed', at: 1790000000, platform: 'iPhone', network: '203.0.113.0/24' }], earlier_changes: 0, expires_at: 1790604800 };
  const undone = { account: 'a•••@example.com', not_restored: [], earlier_changes_kept: false, password_reset: 'code', reset_email: 'a•••@example.com' };
  const server = fakeServer({ user: ada, baseUrl: latchkey.baseUrl });
  server.on('GET account/undo', ({ headers }) => (headers.get('X-Account-Undo-Key') === '4Jr2wq1Z' ? { status: 200, data: undo } : answer(400, {})));
  server.on('POST account/undo', () => ({ status: 200, data: undone, meta: { session_token: 'lkst_reset' } }));
  server.on('POST auth/password/reset', ({ headers }) => answer(headers.get('X-Session-Token') === 'lkst_reset' ? 401 : 409, { data: { flows: [] }, meta: { is_authenticated: false } }));
  phone = await Phone.at(server);
  expect(phone.text).toContain('Password changed');
  expect(phone.text).toMatch(/iPhone · 203\.0\.113\.0\/24/);
  await phone.tap('Undo the changes');
  expect(phone.text).toContain('The changes are undone');
  await phone.fill('Code', '123456');
  await phone.fill('New password', 'four green kites climb');
  await phone.tap('Set password');
  expect(phone.text).toContain('Welcome back');
});

function answer(status: number, body: object): Response {
  return new Response(JSON.stringify({ status, ...body }), { status, headers: { 'Content-Type': 'application/json' } });
}
