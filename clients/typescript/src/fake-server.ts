import { json, notSignedIn, problem, proofNeeded, unauthorized, type FakeProblem } from './fake-answers.js';
import { FakeSessions, type FakeSession } from './fake-sessions.js';
import type { User } from './generated/types.gen.js';
import { protocol } from './operations.js';

/** A user of a fake server: what is not given is made up. */
export interface FakeUser extends Partial<User> {
  /** `password` by default. */
  password?: string;
  phone?: string;
  /** Whether a sign-in waits at `mfa_authenticate`, and goes on with {@link FakeServer.code}. */
  secondFactor?: boolean;
}

/** How a fake server is made. */
export interface FakeServerOptions {
  /** Who has an account already. */
  user?: FakeUser;
  /** `https://auth.example.com` by default. */
  baseUrl?: string;
  /** Seconds that an access token lives: 300 by default. */
  accessTokenLife?: number;
  /** Whether a sign-up waits at `verify_email`, and goes on with {@link FakeServer.code}. */
  verifyEmail?: boolean;
  /** The time in milliseconds since the Unix epoch: `Date.now` by default. */
  now?: () => number;
}

/** A request that the server has had. */
export interface FakeRequest {
  readonly method: string;
  /** Below `baseUrl`; the whole URL of another host. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  /** Whose access token came along. */
  readonly user: User | undefined;
}

/** What answers a request: a `Response`, or what is sent as JSON with 200. */
export type FakeAnswer = (request: FakeRequest) => Response | object | Promise<Response | object>;

interface Account {
  user: User;
  password: string;
  phone: string | undefined;
  secondFactor: boolean;
}

/** A sign-in that waits for a step. */
interface Waiting {
  /** Undefined where the address that a code was asked for is nobody's: then no code is right. */
  readonly account: Account | undefined;
  readonly step: string;
}

/** A Latchkey server in memory, for the tests of apps. Made by {@link fakeServer}. */
export class FakeServer {
  readonly baseUrl: string;
  /** The code of every mail, text and authenticator app. */
  readonly code = '123456';
  /** Everything that was asked, in order. */
  readonly requests: FakeRequest[] = [];
  /** Whether requests get no answer, as without a network. */
  offline = false;

  private readonly sessions: FakeSessions;
  private readonly accounts: Account[] = [];
  private readonly waiting = new Map<string, Waiting>();
  private readonly answers = new Map<string, FakeAnswer>();
  private readonly verifyEmail: boolean;
  private begun = 0;

  constructor({ user, baseUrl = 'https://auth.example.com', accessTokenLife = 300, verifyEmail = false, now = Date.now }: FakeServerOptions = {}) {
    this.baseUrl = baseUrl.replace(/\/+$/, '');
    this.verifyEmail = verifyEmail;
    this.sessions = new FakeSessions(accessTokenLife, now);

    if (user) {
      this.add(user);
    }
  }

  /** Give this to `createLatchkey`, or put it in the place of the global `fetch`. */
  readonly fetch: typeof fetch = async (input, init) => {
    const sent = new Request(input, init);
    const text = await sent.text();
    const { method, url, headers, signal } = sent;

    if (this.offline) {
      throw new TypeError('Network request failed');
    }
    if (signal?.aborted) {
      throw new DOMException('The operation was aborted.', 'AbortError');
    }
    const session = this.sessions.of(bearer(headers));
    const path = url.startsWith(`${this.baseUrl}/`) ? url.slice(this.baseUrl.length) : url;
    const request = { method, path, headers, body: parse(text), user: session?.user };
    this.requests.push(request);

    return this.respond(request, session);
  };

  /**
   * Answers a route by `answer` from now on: `POST auth/login` (below `/_allauth/app/v1/`), `GET /api/v1/users/profile/`,
   * or the whole URL of an API of your own. Returns what takes the answer off again. Routes that need a user are
   * answered only with an access token that is good, and with 401 otherwise.
   */
  on(route: string, answer: FakeAnswer): () => void {
    const [method = '', path = ''] = route.split(' ');
    const key = `${method} ${/^(\/|https?:)/.test(path) ? path : protocol + path}`;
    this.answers.set(key, answer);

    return () => void this.answers.delete(key);
  }

  /** Adds an account. */
  add({ password = 'password', phone, secondFactor = false, ...user }: FakeUser): User {
    const id = user.id ?? this.accounts.length + 1;
    const made = { display: user.email?.split('@')[0] ?? `user ${id}`, has_usable_password: true, ...user, id };
    this.accounts.push({ user: made, password, phone, secondFactor });

    return made;
  }

  /** A session token that an app of before has kept of the first account: `adopt` takes it over. */
  sessionToken(): string {
    const [account] = this.accounts;
    if (!account) {
      throw new Error('the server has no account');
    }
    return this.sessions.begin(account.user, undefined).sessionToken;
  }

  /** Ends all sessions, such as by an administrator; apps notice at their next refresh, which this brings about. */
  endSessions(reason = 'session_ended'): void {
    for (const session of this.sessions.all) {
      session.endedBy ??= reason;
    }
  }

  /** Takes no access token of before any more: the next request of an app makes it refresh. */
  expireAccessTokens(): void {
    this.sessions.expireAccessTokens();
  }

  /** A refusal, for {@link on}: `server.problem(400, 'email_taken', { param: 'email' })`. */
  problem(status: number, code: string, details?: FakeProblem): Response {
    return problem(status, code, details);
  }

  /** The answer that asks for a proof, for {@link on}: kind `problem` with `action: 'reauthenticate'`. */
  proofNeeded({ user }: FakeRequest): Response {
    return user ? proofNeeded(user) : unauthorized(false);
  }

  private async respond(request: FakeRequest, session: FakeSession | undefined): Promise<Response> {
    const { method, path } = request;
    const route = `${method} ${path.replace(/[?#].*/, '')}`;
    const chosen = this.answers.get(route);
    const tokenSent = request.headers.has('Authorization');

    if (!session && (tokenSent || needsUser(path))) {
      return unauthorized(tokenSent);
    }
    if (chosen) {
      const answer = await chosen(request);
      return answer instanceof Response ? answer : new Response(JSON.stringify(answer), { headers: { 'Content-Type': 'application/json' } });
    }
    return this.usual(route.replace(protocol, ''), request, session);
  }

  /** What the server answers where the test has said nothing else. */
  private usual(route: string, request: FakeRequest, session: FakeSession | undefined): Response {
    const { body } = request;

    switch (route) {
      case 'POST auth/login':
        return this.signIn(request);
      case 'POST auth/signup':
        return this.signUp(request);
      case 'POST auth/2fa/authenticate':
        return this.takeStep(request, 'mfa_authenticate', body['code']);
      case 'POST auth/email/verify':
        return this.takeStep(request, 'verify_email', body['key']);
      case 'POST auth/code/request':
        return this.wait(this.find(body), 'login_by_code');
      case 'POST auth/code/confirm':
        return this.takeStep(request, 'login_by_code', body['code']);
      case 'POST auth/token/refresh':
      case 'POST tokens/refresh':
        return this.refresh(request);
      case 'POST auth/token/exchange':
        return this.exchange(request);
      case 'GET config':
        return json(200, { data: config });
      case 'POST auth/reauthenticate':
        return this.proof(request, session);
    }
    return session ? this.ofUser(route, body, session) : this.withoutUser(route);
  }

  /** What a user who is signed in may ask. */
  private ofUser(route: string, body: Record<string, unknown>, session: FakeSession): Response {
    const { user } = session;

    switch (route) {
      case 'GET auth/session':
        return json(200, { data: { user, methods: [] }, meta: { is_authenticated: true } });
      case 'DELETE auth/session':
        session.endedBy = 'session_ended';
        return notSignedIn();
      case 'GET auth/sessions':
        return json(200, { data: this.listOf(session) });
      case 'PATCH /api/v1/users/profile/':
        Object.assign(user, body);
        return Response.json(profileOf(session));
      case 'GET /api/v1/users/profile/':
        return Response.json(profileOf(session));
    }
    return missing(route);
  }

  private withoutUser(route: string): Response {
    return / auth\/sessions?$/.test(route) ? notSignedIn() : missing(route);
  }

  private signIn(request: FakeRequest): Response {
    const account = this.find(request.body);

    if (!account || account.password !== request.body['password']) {
      return problem(400, 'email_password_mismatch', { param: 'password', message: 'The email address and/or password you specified are not correct.' });
    }
    return account.secondFactor ? this.wait(account, 'mfa_authenticate') : this.enter(account, request);
  }

  private signUp(request: FakeRequest): Response {
    const { email, username, phone, password } = request.body as Record<string, string>;

    if (this.find(request.body)) {
      return problem(400, 'email_taken', { param: 'email', message: 'A user is already registered with this email address.' });
    }
    this.add({ ...(email ? { email } : {}), ...(username ? { username } : {}), ...(phone ? { phone } : {}), ...(password ? { password } : {}) });
    const account = this.find(request.body);

    if (!account) {
      return problem(400, 'required', { param: 'email', message: 'This field is required.' });
    }
    return this.verifyEmail ? this.wait(account, 'verify_email') : this.enter(account, request);
  }

  /** Begins a sign-in that waits for a step. */
  private wait(account: Account | undefined, step: string): Response {
    const token = `lkst_fake_${++this.begun}`;
    this.waiting.set(token, { account, step });

    return notSignedIn({ id: step, ...(step === 'mfa_authenticate' ? { types: ['totp'] } : {}) }, { session_token: token });
  }

  private takeStep(request: FakeRequest, step: string, code: unknown): Response {
    const token = request.headers.get('X-Session-Token') ?? '';
    const waiting = this.waiting.get(token);

    if (waiting?.step !== step) {
      return problem(409, 'flow_not_pending', { message: 'This step is not pending here, or has timed out. Please start over.' });
    }
    const { account } = waiting;

    if (!account || code !== this.code) {
      return problem(400, 'incorrect_code', { param: step === 'verify_email' ? 'key' : 'code', message: 'Incorrect code.' });
    }
    this.waiting.delete(token);
    const needsFactor = account.secondFactor && step !== 'mfa_authenticate';

    return needsFactor ? this.wait(account, 'mfa_authenticate') : this.enter(account, request);
  }

  private enter({ user }: Account, { headers }: FakeRequest): Response {
    const session = this.sessions.begin(user, headers.get('X-Device-Name') ?? undefined);
    const meta = { is_authenticated: true, session_token: `lkst_session_${session.id}`, device_token: `lkdt_fake_${session.id}` };

    return json(200, { data: { user, methods: [] }, meta: { ...meta, ...this.sessions.tokens(session) } });
  }

  private refresh({ body, headers }: FakeRequest): Response {
    const result = this.sessions.refresh(body['refresh'] as string | undefined, headers.get('Idempotency-Key'));

    if (result === 'conflict') {
      return json(409, { errors: [{ code: 'refresh_conflict', message: 'Another request was faster.', param: 'refresh' }] }, { 'Retry-After': '1' });
    }
    if ('refused' in result) {
      return json(400, { errors: [{ code: result.refused, message: 'The session has ended.', param: 'refresh' }], meta: { ended_at: 1_790_000_000 } });
    }
    return json(200, { data: { user: result.session.user, methods: [] }, meta: { is_authenticated: true, ...result.tokens } });
  }

  private exchange({ headers }: FakeRequest): Response {
    const token = headers.get('X-Session-Token') ?? undefined;
    const result = this.sessions.exchange(token, headers.get('Idempotency-Key'));

    if (result === 'conflict') {
      return json(409, { errors: [{ code: 'refresh_conflict', message: 'Another request was faster.', param: 'X-Session-Token' }] }, { 'Retry-After': '1' });
    }
    if ('refused' in result) {
      const reason = this.sessions.ofSessionToken(token)?.endedBy;
      return json(410, { data: { flows: [] }, meta: { is_authenticated: null, ...(reason && { end_reason: reason }) } });
    }
    return json(200, { data: { user: result.session.user, methods: [] }, meta: { is_authenticated: true, ...result.tokens } });
  }

  private proof({ body, headers }: FakeRequest, session: FakeSession | undefined): Response {
    const account = this.accounts.find(({ user }) => user === session?.user);

    if (!session || !account) {
      return unauthorized(headers.has('Authorization'));
    }
    if (account.password !== body['password']) {
      return problem(400, 'incorrect_password', { param: 'password', message: 'Incorrect password.' });
    }
    return json(200, { data: { user: session.user, methods: [] }, meta: { is_authenticated: true } });
  }

  private find(body: Record<string, unknown>): Account | undefined {
    const { email, username, phone } = body;
    const isMeant = ({ user, phone: number }: Account): boolean =>
      (email !== undefined && user.email === email) || (username !== undefined && user.username === username) || (phone !== undefined && number === phone);

    return this.accounts.find(isMeant);
  }

  private listOf(current: FakeSession): object[] {
    return this.sessions.all
      .filter(({ user, endedBy }) => user === current.user && !endedBy)
      .map(({ id, createdAt, deviceName }) => ({
        id,
        created_at: createdAt / 1_000,
        last_seen_at: createdAt / 1_000,
        ip: '203.0.113.7',
        user_agent: 'fake',
        platform: 'other',
        is_current: id === current.id,
        ...(deviceName ? { device_name: deviceName } : {}),
      }));
  }
}

/**
 * Makes a server in memory for the tests of an app: it signs up and in, wants second factors and codes, rotates refresh
 * tokens by the server's rules, and refuses what you tell it to. The client under test is the real one.
 */
export function fakeServer(options?: FakeServerOptions): FakeServer {
  return new FakeServer(options);
}

const config = {
  account: {
    authentication_method: 'email',
    login_methods: ['email'],
    is_open_for_signup: true,
    email_verification_by_code_enabled: true,
    login_by_code_enabled: true,
    password_reset_by_code_enabled: false,
  },
  socialaccount: { providers: [] },
  mfa: { supported_types: ['totp'], passkey_login_enabled: false, passkey_signup_enabled: false },
  usersessions: { track_activity: true },
};

function profileOf({ user, createdAt }: FakeSession): object {
  const { id, display, email } = user;
  return { id, display, ...(email ? { email } : {}), email_verified: true, created_at: createdAt / 1_000, tenant_id: null };
}

/** Whether a path is of use to a user who is signed in only: an account, a profile, an API of the app's own. Not an undo link. */
function needsUser(path: string): boolean {
  return !path.startsWith('/_allauth/') || /^account(?!\/undo\b)/.test(path.replace(protocol, ''));
}

function missing(route: string): Response {
  return problem(501, 'not_faked', { message: `fakeServer has no answer for "${route}": give it one with server.on(…).` });
}

function bearer(headers: Headers): string | undefined {
  return /^Bearer (.+)$/.exec(headers.get('Authorization') ?? '')?.[1];
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
