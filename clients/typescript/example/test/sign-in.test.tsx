import { afterEach, expect, jest, test } from '@jest/globals';
import { Phone } from './phone';

jest.setTimeout(60_000); // the first run compiles React Native

const ada = { email: 'ada@example.com', display: 'Ada Lovelace', password: 'three blue herons wade' };
let phone: Phone;

afterEach(() => phone.close());

async function signIn(password = ada.password): Promise<void> {
  await phone.fill('Email', ada.email);
  await phone.fill('Password', password);
  await phone.tap('Sign in');
}

test('signing in shows the account, and signing out the form', async () => {
  phone = await Phone.open({ user: ada });
  await signIn();
  expect(phone.text).toContain('Ada Lovelace');
  await phone.tap('Sign out');
  expect(phone.text).toContain('You are signed out.');
});

test('a wrong password is said at its field', async () => {
  phone = await Phone.open({ user: ada });
  await signIn('wrong');
  expect(phone.text).toMatch(/not correct/);
});

test('without a network the app says so, however often it is tried, and lets in afterwards', async () => {
  phone = await Phone.open({ user: ada });
  phone.server.offline = true;
  for (let attempt = 0; attempt < 5; attempt++) {
    await signIn();
    expect(phone.text).toContain('You are offline.');
    expect(phone.text).not.toMatch(/too many|wait/i);
  }
  phone.server.offline = false;
  await signIn();
  expect(phone.text).toContain('Ada Lovelace');
});

test('a server that asks to wait, one that is busy and a page of somebody else are three sentences', async () => {
  phone = await Phone.open({ user: ada });
  const answers: [RegExp, () => Response][] = [
    [/Too many tries\. Wait 30 seconds/, () => json(429, { 'Retry-After': '30' })],
    [/The server is busy\. Wait 5 seconds/, () => json(503, { 'Retry-After': '5' })],
    [/sign-in page of a Wi-Fi/, () => new Response('<html>portal</html>', { headers: { 'Content-Type': 'text/html' } })],
  ];
  for (const [sentence, answer] of answers) {
    const off = phone.server.on('POST auth/login', answer);
    await signIn();
    expect(phone.text).toMatch(sentence);
    off();
  }
});

test('a second factor is asked for, and a wrong code is said at its field', async () => {
  phone = await Phone.open({ user: { ...ada, secondFactor: true } });
  await signIn();
  expect(phone.text).toContain('One more step');
  await phone.fill('Code', '000000');
  await phone.tap('Continue');
  expect(phone.text).toContain('Incorrect code.');
  await phone.fill('Code', phone.server.code);
  await phone.tap('Continue');
  expect(phone.text).toContain('Ada Lovelace');
});

test('a new account confirms its address first', async () => {
  phone = await Phone.open({ verifyEmail: true });
  await phone.tap('New here? Create an account');
  await phone.fill('Email', 'grace@example.com');
  await phone.fill('Password', ada.password);
  await phone.tap('Create account');
  expect(phone.text).toContain('We sent a code to grace@example.com.');
  await phone.fill('Code', phone.server.code);
  await phone.tap('Verify address');
  expect(phone.text).toContain('grace');
});

test('a session that the server has ended brings back the form, with the reason', async () => {
  phone = await Phone.open({ user: ada });
  await signIn();
  phone.server.endSessions('password_changed');
  await phone.tap('Devices');
  expect(phone.text).toContain('Your password was changed. Sign in with the new one.');
});

function json(status: number, headers: Record<string, string>): Response {
  const body = { status, errors: [{ code: 'too_many_requests', message: 'Later.' }] };
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });
}
