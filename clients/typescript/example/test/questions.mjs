import assert from 'node:assert/strict';
import { halfMinute, totp } from './totp.mjs';

/** For how long a proof and a sign-up count on the server of these stations, in seconds. */
export const proofSeconds = 15;

/**
 * The stations about proving who is signed in. They walk on a server where a proof counts for
 * `proofSeconds`. Learned secrets are added to `secrets`.
 */
export function questionStations({ email, password, signUp, signOut, secrets }) {
  let codes;

  /** Opens a screen that needs a proof, again and again until the server asks for one. */
  async function untilAsked(app) {
    const question = app.page.getByRole('heading', { name: 'Is it you?', exact: true });
    const key = app.page.getByLabel('Key', { exact: true });
    await app.tap('Two-step sign-in');
    await app.shows('Two-step sign-in');
    for (const began = performance.now(); performance.now() - began < 4 * proofSeconds * 1000; ) {
      await app.tap('Set up an authenticator app');
      await question.or(key).first().waitFor();
      if (await question.isVisible()) {
        await app.shows('Is it you?');
        return;
      }
      await app.tap('Back');
      await app.shows('Two-step sign-in');
    }
    assert.fail('the server never asked for a proof');
  }

  async function shownKey(app) {
    const [shown] = await app.secrets('Key');
    secrets.push(shown, shown.replaceAll(' ', ''));
    return shown.replaceAll(' ', '');
  }

  /** A wrong password, then the right one; what was asked for goes on. */
  async function byPassword(app) {
    await untilAsked(app);
    await app.fill('Password', 'not the password');
    await app.tap('Continue');
    await app.complainsAt('Password', /incorrect/i);
    await app.fill('Password', password);
    await app.tap('Continue');
    const key = await shownKey(app);
    await app.fill('Code', totp(key, halfMinute()));
    await app.tap('Turn on');
    await app.shows('Recovery codes');
    const lines = await app.secrets('Recovery codes');
    codes = lines.map((line) => line.replace('-', ''));
    secrets.push(...lines, ...codes);
    await app.tap('I saved my codes');
    await app.tap('Back');
    await app.shows('ada');
  }

  /** A recovery code instead of the password. */
  async function bySecondFactor(app) {
    await signOut(app);
    await app.fill('Email', email);
    await app.fill('Password', password);
    await app.tap('Sign in');
    await app.shows('One more step');
    await app.fill('Code', codes[0]);
    await app.tap('Continue');
    await app.shows('ada');
    await app.tap('Two-step sign-in');
    await app.tap('Recovery codes');
    await app.shows('Is it you?'); // the sign-in is young, and no proof
    await app.picture('question');
    await app.tap('Use a code instead');
    await app.fill('Code', codes[1]);
    await app.tap('Continue');
    await app.shows('Recovery codes');
    assert.equal((await app.secrets('Recovery codes')).length, 8);
    await app.tap('Back');
    await app.tap('Back');
    await app.shows('ada');
  }

  /** An account without password and factor: a mailed code. */
  async function bySentCode(app, mails) {
    await signOut(app);
    await app.asks('Sign in with Apple', { id: 'grace' });
    await app.shows('Almost there');
    await app.fill('Email', 'grace@example.com');
    await app.tap('Create account');
    await app.shows('Check your email');
    await app.fill('Code', await mails.code('grace@example.com'));
    await app.tap('Verify address');
    await app.shows('grace');
    await untilAsked(app);
    await app.tap('Send me a code');
    const code = await mails.code('grace@example.com');
    await app.fill('Code', 'WRONG-CODE');
    await app.tap('Continue');
    await app.complainsAt('Code', /incorrect/i);
    await app.picture('question-by-code');
    await app.fill('Code', code);
    await app.tap('Continue');
    await shownKey(app);
    await app.tap('Back');
    await app.tap('Back');
    await app.shows('grace');
  }

  /** The same account: the service that opens it. */
  async function byService(app) {
    await untilAsked(app);
    await app.asks('Continue with Apple', { id: 'somebody else' });
    await app.says(/could not be verified/);
    await app.asks('Continue with Apple', { id: 'grace' });
    await shownKey(app);
    await app.tap('Back');
    await app.tap('Back');
    await app.shows('grace');
  }

  return { signUp, byPassword, bySecondFactor, bySentCode, byService };
}
