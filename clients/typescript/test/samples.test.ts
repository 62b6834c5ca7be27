// What stands between "sample:" and "end of sample" is shown at /docs, as it is: `make generate` takes it
// from here. The tests at the end run it against the real server: LATCHKEY_BIN names the program.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { adopt } from '../src/adopt.js';
import { activateTotp, apiClient, getProfile, getRecoveryCodes, getSession, reauthenticate, requestPasswordReset, resetPassword } from '../src/api.js';
import { createLatchkey, LatchkeyError, memoryStorage, type Latchkey } from '../src/index.js';
import { setUpTotp, submitSecondFactorCode } from '../src/second-factor.js';
import { startDev, type DevServer } from './dev-server.js';
import { totp } from './stand-in/totp.js';

process.env['NO_PROXY'] = '*';

async function sampleSignUp(baseUrl: string, email: string, password: string): Promise<Latchkey> {
  // sample: signup
  const latchkey = createLatchkey({ baseUrl, storage: memoryStorage() }); // an app: expoStorage(), keychainStorage()
  const result = await latchkey.signUp({ email, password });
  if (result.kind === 'pending') {
    console.log('next:', result.flows[0]?.id); // such as "verify_email"
  }
  // end of sample
  return latchkey;
}

async function sampleSignIn(latchkey: Latchkey, email: string, password: string): Promise<string> {
  // sample: login
  try {
    const result = await latchkey.signIn({ email, password });
    return result.kind; // 'signed_in', or 'pending': ask for what `flows` names
  } catch (error) {
    if (error instanceof LatchkeyError && error.action === 'show') {
      return error.message; // a wrong password: show it
    }
    throw error; // no answer: try again
  }
  // end of sample
}

async function sampleSecondFactor(latchkey: Latchkey, code: string): Promise<void> {
  // sample: submitSecondFactor
  // of `@latchkey-auth/client/second-factor`. A wrong code throws kind `problem`: call it again with the next one.
  const result = await submitSecondFactorCode(latchkey, code);
  console.log(result.kind === 'signed_in' ? result.user.display : 'one more step');
  // end of sample
}

async function sampleRefresh(latchkey: Latchkey): Promise<void> {
  // sample: refreshToken
  await latchkey.refresh(); // calls refresh by themselves; this is for a button that tries again
  // end of sample
}

async function sampleAdopt(latchkey: Latchkey, refreshToken: string): Promise<void> {
  // sample: refreshTokenPair
  await adopt(latchkey, { refreshToken }); // takes over the token of another client, at each start until it has worked
  // end of sample
}

async function sampleSession(latchkey: Latchkey): Promise<void> {
  // sample: getSession
  const { data } = await getSession({ client: apiClient(latchkey) });
  console.log(data?.data.user.display);
  // end of sample
}

async function sampleSignOut(latchkey: Latchkey): Promise<void> {
  // sample: endSession
  const { revoked } = await latchkey.signOut(); // the device keeps nothing
  console.log(await revoked); // whether the server knows, too
  // end of sample
}

async function sampleProfile(latchkey: Latchkey): Promise<void> {
  // sample: getProfile
  const { data } = await getProfile({ client: apiClient(latchkey) });
  console.log(data?.display, data?.email_verified);
  // end of sample
}

async function sampleRequestReset(latchkey: Latchkey, email: string): Promise<void> {
  // sample: requestPasswordReset
  const { data, error } = await requestPasswordReset({ client: apiClient(latchkey), body: { email } });
  if (error instanceof LatchkeyError && error.status !== 401) {
    throw error;
  }
  console.log(data ? 'a link is mailed' : 'a code is mailed, and the reset is pending');
  // end of sample
}

async function sampleReset(latchkey: Latchkey, key: string, password: string): Promise<void> {
  // sample: resetPassword
  const body = { key, password }; // the key of the link, or the code
  const { error } = await resetPassword({ client: apiClient(latchkey), body });
  if (error instanceof LatchkeyError && error.status !== 401) {
    throw error; // a wrong key, or a password that is too weak
  }
  // 401 is success: sign in with the new password.
  // end of sample
}

let url = '';
let mails = '';
let server: DevServer | undefined;

before(async () => {
  server = await startDev({
    MFA_TOTP_TOLERANCE: '1', // a half minute may end while a test shows its code
    MFA_ALLOW_UNVERIFIED_EMAIL: 'true',
    ACCOUNT_EMAIL_VERIFICATION: 'none',
    ACCOUNT_RATE_LIMITS: 'false',
    HEADLESS_FRONTEND_URLS: '{"account_reset_password_from_key":"https://app.example.com/account/password/reset?key={key}"}',
  });
  ({ url, mails } = server);
});

after(() => server?.stop());

/** Waits for a mail with a link, and returns the key in it. */
async function keyOfMail(): Promise<string> {
  for (let tries = 0; tries < 500; tries++) {
    for (const name of (await readdir(mails)).filter((file) => file.endsWith('.eml'))) {
      const text = (await readFile(join(mails, name), 'utf8')).replace(/=\r?\n/g, '').replace(/=3D/g, '=');
      const found = /\/account\/password\/reset\?key=([\w-]{20,})/.exec(text);
      if (found?.[1]) {
        return found[1];
      }
    }
    await wait(20);
  }
  throw new Error('no mail has a link');
}

const state = (latchkey: Latchkey): string => latchkey.session.state;

test('the samples of /docs work with a real server', async () => {
  const email = 'samples-ts@example.com';
  const password = 'a long enough password';
  const latchkey = await sampleSignUp(url, email, password);
  const client = apiClient(latchkey);
  assert.equal(state(latchkey), 'signed_in');
  await sampleProfile(latchkey);
  await sampleSession(latchkey);
  await sampleRefresh(latchkey);

  await latchkey.complete(reauthenticate({ client, body: { password } }));
  const setup = await setUpTotp(latchkey);
  await latchkey.complete(activateTotp({ client, body: { code: totp(setup?.secret ?? '') } }));
  const { data: codes } = await getRecoveryCodes({ client });
  const [first = '', second = ''] = codes?.data.unused_codes ?? [];

  await sampleSignOut(latchkey);
  assert.equal(state(latchkey), 'signed_out');
  assert.match(await sampleSignIn(latchkey, email, 'not this one'), /password/);
  assert.equal(await sampleSignIn(latchkey, email, password), 'pending');
  await sampleSecondFactor(latchkey, first);
  assert.equal(state(latchkey), 'signed_in');

  const guest = createLatchkey({ baseUrl: url, storage: memoryStorage() });
  await sampleRequestReset(guest, email);
  await assert.rejects(sampleReset(guest, 'wrong', 'another horse battery'), { status: 400, code: 'invalid_password_reset' });
  await sampleReset(guest, await keyOfMail(), 'another horse battery');
  assert.equal(await sampleSignIn(guest, email, 'another horse battery'), 'pending');
  await sampleSecondFactor(guest, second);

  const raw = await fetch(`${url}/_allauth/app/v1/auth/signup`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: 'former-ts@example.com', password }),
  });
  const answer = (await raw.json()) as { meta: { refresh_token: string } };
  const moved = createLatchkey({ baseUrl: url, storage: memoryStorage() });
  await sampleAdopt(moved, answer.meta.refresh_token);
  assert.equal(state(moved), 'signed_in');
});
