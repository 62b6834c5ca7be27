import assert from 'node:assert/strict';
import { halfMinute, totp } from './totp.mjs';

/**
 * The stations about second factors, passkeys and other services. Who walks them is signed in
 * before and after, and has no factor then. Learned secrets are added to `secrets`.
 */
export function factorStations({ email, password, name, signOut, secrets }) {
  let key;
  let codes;
  let served; // the half minute whose code has served

  /** The first step of a sign-in whose second is asked for. */
  async function half(app) {
    await signOut(app);
    await app.fill('Email', email);
    await app.fill('Password', password);
    await app.tap('Sign in');
    await app.shows('One more step');
  }

  /** An authenticator app is set up, with a wrong code on the way; recovery codes are shown once. */
  async function setUpTotp(app) {
    await app.tap('Two-step sign-in');
    await app.shows('Two-step sign-in');
    await app.tap('Set up an authenticator app');
    await app.shows('Authenticator app');
    const [shown] = await app.secrets('Key');
    key = shown.replaceAll(' ', '');
    assert.match(key, /^[A-Z2-7]{32}$/);
    secrets.push(key, shown);
    await app.page.getByRole('img', { name: 'QR code for the authenticator app' }).waitFor();
    await app.picture('add-totp');
    await app.tap('Copy the key');
    await app.says('The key is copied.');
    await app.fill('Code', '000000');
    await app.tap('Turn on');
    await app.complainsAt('Code', /incorrect/i);
    served = halfMinute();
    await app.fill('Code', totp(key, served));
    await app.tap('Turn on');
    await app.shows('Recovery codes');
    const lines = await app.secrets('Recovery codes');
    codes = lines.map((line) => line.replace('-', ''));
    assert.equal(codes.length, 10);
    secrets.push(...lines, ...codes);
    await app.picture('recovery-codes');
    await app.tap('Copy the codes');
    await app.says('The codes are copied.');
    assert.equal(await app.page.evaluate(() => navigator.clipboard.readText()), codes.join('\n'));
    await app.tap('I saved my codes');
    await app.says('Your authenticator app is set up.');
    await app.says('10 of 10 left');
    await app.tap('Back');
    await app.shows(name);
  }

  /** Wrong codes keep the person out; one of the app lets them in. */
  async function signInByTotp(app) {
    await half(app);
    await app.fill('Code', totp(key, served));
    await app.tap('Continue');
    await app.complainsAt('Code', /incorrect/i);
    await app.picture('second-factor');
    await app.fill('Code', totp(key, served + 1).replace(/(...)/, '$1 '));
    await app.tap('Continue');
    await app.shows(name);
  }

  async function signInByRecoveryCode(app) {
    await half(app);
    await app.fill('Code', codes[0]);
    await app.tap('Continue');
    await app.shows(name);
    await half(app);
    await app.fill('Code', codes[0]);
    await app.tap('Continue');
    await app.complainsAt('Code', /incorrect/i);
    await app.fill('Code', codes[1]);
    await app.tap('Continue');
    await app.shows(name);
    await app.tap('Two-step sign-in');
    await app.says('8 of 10 left');
    await app.tap('Recovery codes');
    await app.shows('Recovery codes');
    assert.equal((await app.secrets('Recovery codes')).length, 8);
    await app.tap('Create new codes');
    await app.says('The old ones do not work any more.');
    secrets.push(...(await app.secrets('Recovery codes')));
    await app.tap('Back');
  }

  /** A prompt that is dismissed changes nothing; the next one makes a passkey. */
  async function addPasskey(app) {
    await app.tap('Add a passkey');
    await app.shows('Add a passkey');
    await app.fill('Name of the passkey', 'My laptop');
    await app.picture('add-passkey');
    await dismissing(app, 'create', () => app.tap('Create the passkey'));
    await app.shows('Add a passkey');
    await app.tap('Create the passkey');
    await app.says('My laptop is added.');
    await app.shows('Two-step sign-in');
    await app.picture('factors');
    await app.picture('factors', 'dark');
    await app.tap('Add a passkey');
    await app.tap('Create the passkey');
    await app.says('This device has a passkey for your account already.');
    await app.tap('Back');
    await app.tap('Back');
    await app.shows(name);
  }

  async function signInByPasskey(app) {
    await signOut(app);
    await dismissing(app, 'get', () => app.tap('Sign in with a passkey'));
    await app.shows('Welcome back');
    await app.tap('Sign in with a passkey');
    await app.shows(name); // both factors in one
    await half(app);
    await app.tap('Use a passkey');
    await app.shows(name);
  }

  /** Google is connected; signing in with it asks for the second factor, too. */
  async function connectGoogle(app) {
    await app.tap('Connected services');
    await app.shows('Connected services');
    await app.asks('Connect Google', { email: 'ada@elsewhere.example' });
    await app.says('Google is connected.');
    await app.says('ada@elsewhere.example');
    await app.picture('services');
    await app.tap('Back');
    await signOut(app);
    await app.asks('Sign in with Google', undefined);
    await app.shows('Welcome back');
    await app.asks('Sign in with Google', { email: 'ada@elsewhere.example' });
    await app.shows('One more step');
    await app.tap('Use a passkey');
    await app.shows(name);
  }

  /** Without factors and services again, as before. */
  async function removeFactors(app) {
    await app.tap('Two-step sign-in');
    await app.tap('Turn off the authenticator app');
    await app.says('The authenticator app is off.');
    await app.tap('Remove My laptop');
    await app.says('My laptop is removed.');
    await app.page.getByText('Recovery codes').waitFor({ state: 'detached' });
    await app.tap('Back');
    await app.tap('Connected services');
    await app.tap('Disconnect Google');
    await app.says('Google is disconnected.');
    await app.tap('Back');
    await app.shows(name);
  }

  /** The address of an account does not open it; Apple makes a new one, which needs an address where Apple told none. */
  async function signUpByApple(app, mails) {
    await signOut(app);
    await app.asks('Sign in with Apple', { email });
    await app.shows('Check your email'); // as for an address that is free, so that it does not tell
    await app.says('We sent a code to your address.');
    await app.tap('Back');
    await app.asks('Sign in with Apple', { id: 'grace' });
    await app.shows('Almost there');
    await app.picture('provider-sign-up');
    await app.fill('Email', 'grace@example.com');
    await app.tap('Create account');
    await app.shows('Check your email');
    await app.fill('Code', await mails.code('grace@example.com'));
    await app.tap('Verify address');
    await app.shows('grace');
    await signOut(app);
    await app.asks('Sign in with Apple', { id: 'grace' });
    await app.shows('grace');
    await app.tap('Connected services');
    await app.shows('Connected services');
    await app.says('Not connected'); // Google
    await app.tap('Back');
    await signOut(app);
    await app.fill('Email', email);
    await app.fill('Password', password);
    await app.tap('Sign in');
    await app.shows(name);
  }

  /** An account without a password: its passkey is made on the way. */
  async function signUpByPasskey(app, mails) {
    await signOut(app);
    await app.tap('New here? Create an account');
    await app.shows('Create your account');
    await app.fill('Email', 'lin@example.com');
    await app.tap('Use a passkey instead of a password');
    await app.shows('Check your email');
    await app.fill('Code', await mails.code('lin@example.com'));
    await app.tap('Verify address');
    await app.shows('Create your passkey');
    await dismissing(app, 'create', () => app.tap('Create the passkey'));
    await app.tap('Create the passkey');
    await app.shows('lin');
    await signOut(app);
    await app.fill('Email', email);
    await app.fill('Password', password);
    await app.tap('Sign in');
    await app.shows(name);
  }

  return { setUpTotp, signInByTotp, signInByRecoveryCode, addPasskey, signInByPasskey, connectGoogle, removeFactors, signUpByApple, signUpByPasskey };
}

/** Answers the next prompt of the browser as it does for a person who closes it. */
async function dismissing(app, prompt, act) {
  await app.page.evaluate((which) => {
    const container = navigator.credentials;
    container[which] = () => {
      delete container[which]; // the prototype's is the browser's own
      window.dismissed = true;
      return Promise.reject(new DOMException('The operation either timed out or was not allowed.', 'NotAllowedError'));
    };
  }, prompt);
  await act();
  await app.page.waitForFunction(() => window.dismissed && delete window.dismissed);
}
