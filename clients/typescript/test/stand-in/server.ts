import type { User } from '../../src/index.js';

/**
 * A server in memory with Latchkey's rotation rule, so that a client that does something
 * wrong is signed out here too. The real one is in live.test.ts and in the conformance kit.
 */
export type Play = (request: { method: string; path: string; headers: Headers; body: unknown }, real: () => Response) => Response | Promise<Response>;

interface State {
  generation: number;
  key: string | null;
  confirmed: boolean;
  ended: string | undefined;
}

export const user: User = { id: 4711, display: 'ada', email: 'ada@example.com', has_usable_password: true };
export const baseUrl = 'https://auth.example.com';

export class Server {
  /** Seconds that an access token lives. */
  life = 300;
  /** All refresh tokens are younger than the grace: they are repeated. */
  young = false;
  /** Takes no access token, as if all had been revoked. */
  refusesTokens = false;
  /** What happens to requests instead, where a fault is played. */
  play: Play | undefined;
  /** The user that it answers with. */
  user: User = user;
  readonly requests: string[] = [];
  readonly sessions: State[] = [];
  readonly headers: Headers[] = [];
  keys: (string | null)[] = [];
  private signatures = 0;

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const { headers, method } = request;
    const text = await request.text();
    const body: unknown = text ? JSON.parse(text) : undefined;
    const path = url.origin === baseUrl ? url.pathname : request.url;
    this.requests.push(`${method} ${path}`);
    this.headers.push(headers);
    const real = (): Response => this.answer(method, path, headers, body as Record<string, string>);
    return this.play ? this.play({ method, path, headers, body }, real) : real();
  };

  count(end: string): number {
    return this.requests.filter((request) => request.endsWith(end)).length;
  }

  get refreshes(): number {
    return this.count('/auth/token/refresh');
  }

  private answer(method: string, path: string, headers: Headers, body: Record<string, string>): Response {
    switch (`${method} ${path}`) {
      case 'POST /_allauth/app/v1/auth/login':
        if (body['password'] !== 'right') {
          return json(400, { errors: [{ code: 'email_password_mismatch', message: 'No.', param: 'password' }] });
        }
        this.sessions.push({ generation: 0, key: null, confirmed: false, ended: undefined });
        return this.pair(this.sessions.length - 1, { device_token: `lkdt_${this.sessions.length}` });
      case 'POST /_allauth/app/v1/auth/token/refresh':
        return this.refresh(String(body['refresh']), headers.get('Idempotency-Key'));
      case 'POST /_allauth/app/v1/auth/token/exchange':
        return this.exchange(headers.get('X-Session-Token') ?? '', headers);
      case 'DELETE /_allauth/app/v1/auth/session':
        return this.end(headers);
      default:
        return this.authenticated(headers) ? Response.json({ ...this.user, status: undefined }) : unauthorized(headers);
    }
  }

  private refresh(token: string, key: string | null): Response {
    this.keys.push(key);
    const [id, generation] = token.split(':').slice(-2).map(Number) as [number, number];
    const session = this.sessions[id];
    if (!session || session.ended) {
      return json(400, { errors: [{ code: session?.ended ?? 'refresh_token_invalid', message: 'Over.' }], meta: { ended_at: 1790000000 } });
    }
    if (generation === session.generation && this.young) {
      return this.pair(id);
    }
    if (generation === session.generation) {
      Object.assign(session, { generation: generation + 1, key, confirmed: false });
    } else if (generation !== session.generation - 1 || session.confirmed || key !== session.key) {
      session.ended = 'refresh_token_reused';
      return json(400, { errors: [{ code: 'refresh_token_reused', message: 'Over.' }] });
    }
    return this.pair(id);
  }

  /** Exchanges the session token `app:<id>`, which stands for the first generation. */
  private exchange(token: string, headers: Headers): Response {
    const id = /^app:\d+$/.test(token) ? Number(token.slice(4)) : -1;
    const session = this.sessions[id];
    if (!session || session.ended) {
      return json(410, { data: { flows: [] }, meta: { is_authenticated: null, ...(session && { end_reason: session.ended }) } });
    }
    const answer = this.refresh(`x:${id}:0`, headers.get('Idempotency-Key'));
    return answer.ok ? answer : json(410, { data: { flows: [] }, meta: { is_authenticated: null, end_reason: session.ended } });
  }

  private pair(id: number, more: object = {}): Response {
    const { generation } = this.sessions[id] as State;
    const claims = { iat: 1790000000, exp: 1790000000 + this.life, sid: id, gen: generation };
    const access = `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
    const jti = Buffer.from(JSON.stringify({ jti: `${id}-${generation}`, sid: id })).toString('base64url');
    const refresh = `h.${jti}.${this.signatures++}:refresh:${id}:${generation}`; // never the same bytes
    return json(200, { data: { user: this.user, methods: [] }, meta: { is_authenticated: true, session_token: 'st', access_token: access, refresh_token: refresh, ...more } });
  }

  private end(headers: Headers): Response {
    const session = this.authenticated(headers);
    if (session) {
      session.ended = 'session_ended';
      return json(401, { data: { flows: [] }, meta: { is_authenticated: false } });
    }
    return unauthorized(headers);
  }

  private authenticated(headers: Headers): State | undefined {
    const token = headers.get('Authorization')?.split('.')[1];
    if (!token || this.refusesTokens) {
      return undefined;
    }
    const { sid, gen } = JSON.parse(Buffer.from(token, 'base64url').toString()) as { sid: number; gen: number };
    const session = this.sessions[sid];
    if (!session || session.ended) {
      return undefined;
    }
    session.confirmed ||= gen === session.generation;
    return session;
  }
}

export function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  return Response.json({ status, ...body }, { status, headers });
}

function unauthorized(sent: Headers): Response {
  const challenge = sent.has('Authorization') ? 'Bearer error="invaljtitoken"' : 'Bearer';
  return json(401, { data: { flows: [{ id: 'login' }] }, meta: { is_authenticated: false } }, { 'WWW-Authenticate': challenge });
}
