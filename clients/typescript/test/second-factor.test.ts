import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activateTotp, apiClient, submitSecondFactor } from '../src/api.js';
import { reauthenticateWithCode, reauthenticateWithSentCode, sendReauthenticationCode, setUpTotp, submitSecondFactorCode } from '../src/second-factor.js';
import { credentials, device, signedIn } from './stand-in/device.js';
import { askedAgain, pending, signedInAs, wrongAnswer } from './stand-in/passkeys.js';
import { json } from './stand-in/server.js';

const half = (): Response => pending('mfa_authenticate', { session_token: 'lkst_half' });

test('a code goes on with a sign-in; a wrong one leaves it pending', async () => {
  const { server, latchkey } = device();
  server.play = half;
  assert.deepEqual(await latchkey.signIn(credentials), { kind: 'pending', flows: [{ id: 'mfa_authenticate', is_pending: true }] });
  server.play = () => wrongAnswer('code');
  await assert.rejects(submitSecondFactorCode(latchkey, '000000'), { kind: 'problem', code: 'incorrect_code', action: 'show' });
  assert.equal(latchkey.session.state, 'signed_out');
  let sent: unknown;
  server.play = ({ body }) => ((sent = body), signedInAs(0));
  assert.equal((await submitSecondFactorCode(latchkey, '123 456')).kind, 'signed_in');
  assert.deepEqual([sent, server.headers.at(-1)?.get('X-Session-Token')], [{ code: '123 456' }, 'lkst_half']);
});

test('the generated function does the same through complete', async () => {
  const { server, latchkey } = device();
  server.play = half;
  await latchkey.signIn(credentials);
  server.play = () => signedInAs(0);
  assert.equal((await latchkey.complete(submitSecondFactor({ client: apiClient(latchkey), body: { code: '123456' } }))).kind, 'signed_in');
});

test('a sign-in that the server has dropped after too many codes begins again', async () => {
  const { server, latchkey } = device();
  server.play = half;
  await latchkey.signIn(credentials);
  server.play = () => json(401, { data: { flows: [{ id: 'login' }] }, meta: { is_authenticated: false } });
  await assert.rejects(submitSecondFactorCode(latchkey, '123456'), { kind: 'nothing_pending', status: 401 });
});

test('a code proves that it is still the person', async () => {
  const { server, latchkey } = await signedIn();
  server.play = () => wrongAnswer('code');
  await assert.rejects(reauthenticateWithCode(latchkey, '000000'), { kind: 'problem', code: 'incorrect_code' });
  server.play = () => signedInAs(0);
  await reauthenticateWithCode(latchkey, '123456');
  assert.ok(server.headers.at(-1)?.has('Authorization'));
  assert.equal(latchkey.session.state, 'signed_in');
});

test('a code that is sent proves who is signed in', async () => {
  const { server, latchkey } = await signedIn();
  server.play = askedAgain;
  await assert.rejects(sendReauthenticationCode(latchkey), { kind: 'problem', action: 'reauthenticate' });
  server.play = () => json(429, { errors: [{ code: 'too_many_requests', message: 'Later.' }] }, { 'Retry-After': '7' });
  await assert.rejects(sendReauthenticationCode(latchkey), { retryAfter: 7 });
  server.play = () => json(200, {});
  await sendReauthenticationCode(latchkey);
  server.play = () => wrongAnswer('code');
  await assert.rejects(reauthenticateWithSentCode(latchkey, 'BBBB-BBBB'), { kind: 'problem', code: 'incorrect_code' });
  server.play = () => json(409, { errors: [{ code: 'flow_not_pending', message: 'No.' }] });
  await assert.rejects(reauthenticateWithSentCode(latchkey, 'BCDF-GHJK'), { kind: 'problem', code: 'flow_not_pending' });
  server.play = () => signedInAs(0);
  await reauthenticateWithSentCode(latchkey, 'BCDF-GHJK');
  assert.equal(server.requests.at(-1), 'POST /_allauth/app/v1/auth/reauthenticate/code/confirm');
  assert.ok(server.headers.at(-1)?.has('Authorization'));
  assert.equal(latchkey.session.state, 'signed_in');
});

test('the 404 that tells how to add an authenticator app is no error', async () => {
  const { server, latchkey } = await signedIn();
  server.play = () => json(404, { meta: { secret: 'JBSWY3DP', totp_url: 'otpauth://totp/Example?secret=JBSWY3DP' } });
  assert.deepEqual(await setUpTotp(latchkey), { secret: 'JBSWY3DP', url: 'otpauth://totp/Example?secret=JBSWY3DP' });
  server.play = () => json(404, { errors: [{ code: 'not_found', message: 'No.' }] });
  assert.equal(await setUpTotp(latchkey), undefined);
  server.play = () => json(200, { data: { type: 'totp', created_at: 1, last_used_at: null } });
  assert.equal(await setUpTotp(latchkey), undefined);
  server.play = () => json(409, { errors: [{ code: 'unverified_email', message: 'First verify.' }] });
  await assert.rejects(setUpTotp(latchkey), { kind: 'problem', code: 'unverified_email' });
  server.play = askedAgain;
  await assert.rejects(latchkey.complete(activateTotp({ client: apiClient(latchkey), body: { code: '123456' } })), { action: 'reauthenticate' });
});
