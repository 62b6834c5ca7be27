import type { User } from './generated/types.gen.js';

/** The tokens of one answer. */
export interface FakeTokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

/** What the server says to a refresh token. */
export type FakeRefresh = { readonly session: FakeSession; readonly tokens: FakeTokens } | { readonly refused: string } | 'conflict';

/** One session: a chain of refresh tokens of which the newest counts. */
export interface FakeSession {
  readonly id: number;
  readonly user: User;
  readonly createdAt: number;
  readonly deviceName: string | undefined;
  /** Why it has ended; undefined while it lives. */
  endedBy: string | undefined;
  generation: number;
  /** Its session token, of an app of before. */
  readonly sessionToken: string;
  /** The generation that the exchange of the session token has spent. */
  exchanged: number | undefined;
  /** The idempotency key that the token before was spent with, and when. */
  key: string | null;
  spentAt: number;
}

/** For so long, in milliseconds, another key for a spent token is a conflict and no reuse. */
const grace = 60_000;

/** Issues tokens and rotates them by the rules of a Latchkey server. Nothing is signed. */
export class FakeSessions {
  readonly all: FakeSession[] = [];
  private issued = 0;
  private revokedUpTo = 0;

  constructor(
    private readonly life: number,
    private readonly now: () => number,
  ) {}

  begin(user: User, deviceName: string | undefined): FakeSession {
    const session = { id: this.all.length + 1, user, deviceName, createdAt: this.now(), endedBy: undefined, generation: 0, key: null, spentAt: 0, exchanged: undefined, sessionToken: `lkst_${Math.random().toString(36).slice(2)}` };
    this.all.push(session);

    return session;
  }

  tokens({ id, user, generation }: FakeSession): FakeTokens {
    const iat = Math.floor(this.now() / 1_000);
    const number = ++this.issued;

    return {
      access_token: encode({ sub: String(user.id), sid: id, gen: generation, number, iat, exp: iat + this.life }),
      refresh_token: encode({ sub: String(user.id), sid: id, gen: generation, jti: `${id}-${generation}` }),
    };
  }

  /** The session that an access token is of; undefined where the token is not taken. */
  of(accessToken: string | undefined): FakeSession | undefined {
    const { sid, number = 0, exp = 0 } = decode(accessToken);
    const session = this.all.find(({ id }) => id === sid);
    const isGood = session && !session.endedBy && number > this.revokedUpTo && exp * 1_000 > this.now();

    return isGood ? session : undefined;
  }

  /** The session whose session token this is. */
  ofSessionToken(token: string | undefined): FakeSession | undefined {
    return this.all.find(({ sessionToken }) => sessionToken === token);
  }

  /** Exchanges a session token, once. */
  exchange(token: string | undefined, key: string | null): FakeRefresh {
    const session = this.ofSessionToken(token);
    const gen = session?.exchanged ?? session?.generation;
    if (session && !session.endedBy) {
      session.exchanged = gen;
    }
    return this.spend(session, gen, key);
  }

  refresh(refreshToken: string | undefined, key: string | null): FakeRefresh {
    const { sid, gen } = decode(refreshToken);

    return this.spend(
      this.all.find(({ id }) => id === sid),
      gen,
      key,
    );
  }

  private spend(session: FakeSession | undefined, gen: number | undefined, key: string | null): FakeRefresh {
    if (!session || session.endedBy) {
      return { refused: session?.endedBy ?? 'refresh_token_invalid' };
    }
    if (gen === session.generation) {
      Object.assign(session, { generation: session.generation + 1, key, spentAt: this.now() });
    } else if (gen !== session.generation - 1 || key !== session.key) {
      return this.refuseSpent(session, gen);
    }
    return { session, tokens: this.tokens(session) };
  }

  /** No access token of before is taken any more. */
  expireAccessTokens(): void {
    this.revokedUpTo = this.issued;
  }

  private refuseSpent(session: FakeSession, gen: number | undefined): FakeRefresh {
    if (gen === session.generation - 1 && this.now() < session.spentAt + grace) {
      return 'conflict';
    }
    session.endedBy = 'refresh_token_reused';

    return { refused: session.endedBy };
  }
}

interface Claims {
  sid?: number;
  gen?: number;
  number?: number;
  exp?: number;
}

function encode(claims: object): string {
  return ['fake', btoa(JSON.stringify(claims)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, ''), 'token'].join('.');
}

function decode(token: string | undefined): Claims {
  try {
    return JSON.parse(atob((token?.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))) as Claims;
  } catch {
    return {};
  }
}
