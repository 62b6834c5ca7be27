// Walks through the app in a browser against a real server. See README.md.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { App } from './app.mjs';
import { factorStations } from './factors.mjs';
import { kept, leaks, proveLeaksAreFound } from './leaks.mjs';
import { Mailbox } from './mailbox.mjs';
import { proofSeconds, questionStations } from './questions.mjs';
import { freePort, startLatchkey, startSite } from './site.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const ada = 'ada@example.com';
const work = 'ada@work.example';
const first = 'three blue herons wade';
const second = 'four green kites climb';
const third = 'five warm loaves cool';
const fourth = 'six small boats drift';
const mailed = []; // keys of links: `latchkey dev` prints the mails that it sends, so they may be in its output

/** Sign up, with problems at their fields and a wrong code on the way. */
async function signUp(app, mails) {
  await app.shows('Welcome back');
  await app.picture('sign-in', 'light');
  await app.picture('sign-in', 'dark');
  await app.tap('New here? Create an account');
  await app.shows('Create your account');
  await app.fill('Email', ada);
  await app.fill('Password', 'short');
  await app.tap('Create account');
  await app.complainsAt('Password', /too short/);
  await app.picture('sign-up', 'light');
  await app.fill('Password', first);
  await app.tap('Create account');
  await app.shows('Check your email');
  const code = await mails.code(ada);
  await app.fill('Code', 'WRONG-CODE');
  await app.tap('Verify address');
  await app.complainsAt('Code', /incorrect/i);
  await app.fill('Code', code);
  await app.picture('code', 'light');
  await app.tap('Verify address');
  await app.shows('ada');
  await app.says('Verified');
}

async function changeName(app) {
  await app.tap('Name');
  await app.shows('Your name');
  await app.fill('Name', 'Ada Lovelace');
  await app.tap('Save');
  await app.shows('Ada Lovelace');
  await app.says('Your name is saved.');
}

/** Another device signs in, is seen, and is signed out from here. */
async function devices(app, api) {
  const other = await post(api, 'auth/login', { email: ada, password: first }, { 'X-Device-Name': 'Tablet at home' });
  await app.tap('Devices');
  await app.shows('Devices');
  await app.says('Tablet at home');
  await app.picture('devices', 'light');
  await app.tap('Sign out Tablet at home');
  await app.says('Tablet at home is signed out.');
  const refreshed = await post(api, 'auth/token/refresh', { refresh: other.meta.refresh_token });
  assert.equal(refreshed.errors?.[0]?.code, 'session_ended', 'the other device can still refresh');
  await app.tap('Back');
}

/** A second address is added, confirmed and made primary; the first is removed. */
async function addresses(app, mails) {
  await app.tap('Email addresses');
  await app.shows('Email addresses');
  await app.tap('Add an address');
  await app.shows('Add an address');
  await app.fill('Email', 'not an address');
  await app.tap('Add address');
  await app.complainsAt('Email', /Enter an email address/);
  await app.fill('Email', work);
  await app.tap('Add address');
  await app.shows('Verify the address');
  await app.fill('Code', await mails.code(work));
  await app.tap('Verify address');
  await app.says(`${work} is verified.`);
  await app.picture('addresses', 'dark');
  await app.tap(`Make ${work} primary`);
  await app.says(`Mails go to ${work} now.`);
  await app.tap(`Remove ${ada}`);
  await app.says(`${ada} is removed.`);
  await app.tap('Back');
  await app.shows('Ada Lovelace');
}

async function changePassword(app) {
  await app.tap('Password');
  await app.shows('Change password');
  await app.fill('Current password', 'not the password');
  await app.fill('New password', second);
  await app.tap('Change password');
  await app.complainsAt('Current password', /current password/i);
  await app.fill('Current password', first);
  await app.tap('Change password');
  await app.says('Your password was changed.');
  await app.picture('profile', 'light');
  await app.picture('profile', 'dark');
}

async function signOut(app) {
  await app.tap('Sign out');
  await app.says('You are signed out.');
  await app.shows('Welcome back');
}

async function forgotPassword(app, mails) {
  await app.tap('Forgot password?');
  await app.shows('Forgot your password?');
  await app.fill('Email', work);
  await app.tap('Send the code');
  await app.shows('Check your email');
  await app.fill('Code', await mails.code(work));
  await app.tap('Continue');
  await app.shows('Set a new password');
  await app.fill('New password', third);
  await app.tap('Set password');
  await app.says('Your password was changed. Sign in with the new one.');
}

async function signIn(app) {
  await app.fill('Email', work);
  await app.fill('Password', second);
  await app.tap('Sign in');
  await app.says(/not correct|incorrect|wrong/i);
  await app.fill('Password', third);
  await app.tap('Sign in');
  await app.shows('Ada Lovelace');
}

async function signInByCode(app, mails) {
  await app.tap('Email me a code');
  await app.shows('Sign in by code');
  await app.fill('Email', work);
  await app.tap('Send the code');
  await app.shows('Check your email');
  await app.fill('Code', await mails.code(work));
  await app.tap('Sign in');
  await app.shows('Ada Lovelace');
}

/** The password is changed; the link of the message about it undoes that, and ends this session too. */
async function undoChange(app, mails) {
  await app.tap('Password');
  await app.fill('Current password', third);
  await app.fill('New password', fourth);
  await app.tap('Change password');
  await app.says('Your password was changed.');
  const link = await mails.link(work, '#undo/');
  mailed.push(link.replace(/.*#undo\//, ''));
  await app.page.goto(link);
  await app.shows('Was this not you?');
  await app.says('Password changed');
  await app.picture('undo');
  await app.tap('Undo the changes');
  await app.shows('The changes are undone');
  await app.fill('Code', await mails.code(work));
  await app.fill('New password', third);
  await app.tap('Set password');
  await app.shows('Welcome back');
  await app.fill('Email', work);
  await app.fill('Password', fourth);
  await app.tap('Sign in');
  await app.says(/not correct|incorrect|wrong/i);
  await app.fill('Password', third);
  await app.tap('Sign in');
  await app.shows('Ada Lovelace');
}

async function deleteAccount(app) {
  await app.tap('Delete account');
  await app.shows('Delete account');
  await app.fill('Password', second);
  await app.tap('Delete my account');
  await app.says(/incorrect|not correct|wrong/i);
  await app.fill('Password', third);
  await app.tap('Delete my account');
  await app.says(/Your account is closed/);
  await app.shows('Welcome back');
}

async function post(api, path, body, headers = {}) {
  const answer = await fetch(`${api}/_allauth/app/v1/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) });
  return answer.json();
}

/** The stations of an account that is new: the server asks for no proof for a day. */
function screens(app, api, secrets) {
  const before = { signUp, changeName, devices: () => devices(app, api), addresses, changePassword, signOut, forgotPassword, signIn };
  const after = { undoChange, signOut2: signOut, signInByCode, deleteAccount };
  return { ...before, ...factorStations({ email: work, password: third, name: 'Ada Lovelace', signOut, secrets }), ...after };
}

/** The stations of accounts that the server asks for proofs. */
function questions(_app, _api, secrets) {
  return questionStations({ email: ada, password: first, signUp, signOut, secrets });
}

/** Walks all stations; after each one, nothing secret may be kept. */
async function walk(stations, app, mails, heard, secrets) {
  for (const [name, station] of Object.entries(stations)) {
    const began = performance.now();
    await station(app, mails);
    const found = leaks({ ...(await kept(app.page)), console: heard.join('\n') }, [...secrets, ...mailed]);
    assert.deepEqual(found, [], `secrets are kept after ${name}`);
    console.log(`ok ${name} (${Math.round(performance.now() - began)} ms)`);
  }
}

/** A device with a fingerprint reader that takes whatever finger there is. */
async function addAuthenticator(page) {
  const chrome = await page.context().newCDPSession(page);
  await chrome.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  await chrome.send('WebAuthn.addVirtualAuthenticator', { options });
}

async function main(stationsOf, seconds) {
  const root = join(here, '..', 'build', 'web');
  assert.ok(existsSync(join(root, 'index.html')), 'run `npm run export:web` first');
  const scratch = mkdtempSync(join(tmpdir(), 'latchkey-walk-'));
  chmodSync(scratch, 0o755); // PostgreSQL does not run as root, and has to get in
  // The pictures of the README are made anew only when asked for: a test leaves no trace.
  const pictures = process.env.UPDATE_SCREENSHOTS ? join(here, 'screenshots') : join(here, '..', 'build', 'screenshots');
  mkdirSync(join(scratch, 'mail'));
  mkdirSync(pictures, { recursive: true });
  const stops = [() => rmSync(scratch, { recursive: true, force: true })];
  try {
    const port = await freePort();
    const dirs = { dir: join(scratch, 'dev'), mailDir: join(scratch, 'mail'), proofSeconds: seconds };
    const latchkey = await startLatchkey(process.env.LATCHKEY_BIN ?? 'latchkey', { ...dirs, origin: `http://localhost:${port}` });
    stops.unshift(latchkey.stop);
    const site = await startSite(root, latchkey.url, port);
    stops.unshift(site.stop);
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
    stops.unshift(() => browser.close());
    await proveLeaksAreFound(browser, site.url);
    const page = await browser.newPage({ viewport: { width: 390, height: 844 }, locale: 'en-GB', colorScheme: 'light' });
    page.setDefaultTimeout(15_000);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: site.url });
    await addAuthenticator(page);
    const heard = [];
    const secrets = [first, second, third, fourth];
    const thrown = [];
    page.on('console', (message) => heard.push(message.text()));
    page.on('pageerror', (error) => thrown.push(error.stack));
    await page.goto(site.url);
    try {
      const app = new App(page, pictures);
      await walk(stationsOf(app, latchkey.url, secrets), app, new Mailbox(join(scratch, 'mail')), heard, secrets);
    } catch (error) {
      await page.screenshot({ path: join(here, '..', 'build', 'failed.png') });
      throw error;
    }
    assert.deepEqual(thrown, [], 'the page threw');
    const printed = secrets.filter((secret) => latchkey.output().includes(secret));
    assert.equal(printed.length, 0, 'the server printed a password, key or recovery code');
  } finally {
    for (const stop of stops) {
      await stop();
    }
  }
}

await main(screens, 86_400);
await main(questions, proofSeconds);
console.log('the walk is done: no secret was kept');
