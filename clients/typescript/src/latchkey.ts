import { address } from './addresses.js';
import type { Answer } from './answer.js';
import { deviceClock, type Clock } from './clock.js';
import type { LoginRequest, SignupRequest } from './generated/types.gen.js';
import { createKeeper, type Keeper } from './keeper.js';
import { outcome, type ApiResult, type Done, type Pending, type SignedIn } from './outcome.js';
import { protocol } from './operations.js';
import { request, sent } from './server-calls.js';
import type { Session, SessionListener } from './session.js';
import { shared } from './shared.js';
import type { Settings } from './settings.js';
import { enter, type Call } from './steps.js';
import type { Storage } from './storage.js';
import { createTransport, type Ticket, type Transport } from './transport.js';
import { sameUser } from './user-id.js';

/** How a client is made. */
export interface LatchkeyOptions {
  /** Where the server is, such as `https://auth.example.com`. HTTPS, except on this machine (`localhost`, 127.0.0.1, ::1). */
  baseUrl: string;
  /** Where the session is kept: `secureStorage` of `/expo` or `/keychain`, or `memoryStorage()`. */
  storage: Storage;
  /** Other origins that the access token may be sent to, such as `https://api.example.com`. HTTPS, as with `baseUrl`. */
  origins?: readonly string[];
  /** What to call this device in the person's list of sessions; at most 64 characters. */
  deviceName?: string;
  /** Sends requests; the `fetch` of the platform by default. */
  fetch?: typeof fetch;
  /** Milliseconds after which a sign-in, refresh or sign-out is given up: 15,000 by default. */
  timeout?: number;
  /** Allows plain HTTP to another machine, for a phone that talks to a laptop. Never ship it. */
  allowInsecureHttp?: boolean;
  /** Monotonic clock and timers, for tests. */
  clock?: Clock;
  /** A number from 0 up to 1, for jitter: `Math.random` by default. */
  random?: () => number;
}

/** What every call takes that may wait. */
export interface CallOptions {
  /** Ends the wait with a `LatchkeyError` of kind `cancelled`. Work that others wait for goes on. */
  signal?: AbortSignal | null | undefined;
}

/** One way to name an account. */
type Named = { email: string } | { username: string } | { phone: string };

/** The password, and one way to name the account. */
export type SignInRequest = LoginRequest & Named & { password: string };

/** Which members are needed is a setting of the server; without any there is no account. */
export type SignUpRequest = SignupRequest & Named;

/** What a sign-in takes beside that. */
export interface SignInOptions extends CallOptions {
  /**
   * Replaces at once a store that cannot be read. Without it, a sign-in or sign-out does so after
   * three reads that failed in at least a minute. A locked device does not count.
   */
  force?: boolean | undefined;
}

/** Makes a client, which begins to read the store at once. Throws `TypeError` where an option cannot work. */
export function createLatchkey(options: LatchkeyOptions): Latchkey {
  const settings = settingsOf(options);
  const latchkey = new Latchkey(settings, keeperOf(settings));
  latchkey.ready().catch(() => undefined); // the state says it
  return latchkey;
}

/** One person's session with one server. Safe to call from anywhere at any time. */
export class Latchkey {
  /** Where the server is, without a slash at the end. */
  readonly baseUrl: string;
  /**
   * `fetch` with the access token, which is refreshed before it ends; a request is repeated
   * once after a 401. A path alone is of `baseUrl`. Requests to other hosts pass as they are.
   */
  readonly fetch: typeof fetch;
  /** @internal In a function, so that nothing that prints a client finds a token. */
  readonly inside: () => Inside;

  /** Use {@link createLatchkey}. */
  constructor(settings: Settings, keeper: Keeper) {
    const inside = { settings, keeper, transport: createTransport(settings, keeper), leaveKeeper: keeper.share() };
    this.inside = () => inside;
    this.baseUrl = settings.baseUrl;
    this.fetch = inside.transport.fetch;
  }

  private get keeper(): Keeper {
    return this.inside().keeper;
  }

  /** Who is signed in, as far as is known now. */
  get session(): Session {
    return this.keeper.session();
  }

  /** Who is signed in, once the store could be read. Throws kind `locked` or `store` where it cannot be now. */
  async ready(): Promise<Session> {
    await this.keeper.load();
    return this.session;
  }

  /** Tells `listener` of every change from now on; the returned function ends that. */
  onChange(listener: SessionListener): () => void {
    return this.keeper.onChange(listener);
  }

  /** Makes an account. A step that is pending, such as `verify_email`, is a value, not an error. */
  signUp(request: SignUpRequest, options?: SignInOptions): Promise<SignedIn | Pending> {
    return enter(this, { ...options, call: ['POST', 'auth/signup'], body: request });
  }

  /** Signs in with a password. A step that is pending, such as `mfa_authenticate`, is a value, not an error. */
  signIn(request: SignInRequest, options?: SignInOptions): Promise<SignedIn | Pending> {
    return enter(this, { ...options, call: ['POST', 'auth/login'], body: request });
  }

  /**
   * Goes on with a sign-in: reads the result of any function of `@latchkey-auth/client/api`
   * as `signIn` gives it, and throws the problem where it is one. It is `done` where the answer
   * did not sign in this client, whatever tokens it brought to somebody else.
   */
  async complete(result: ApiResult | PromiseLike<ApiResult>): Promise<SignedIn | Pending | Done> {
    const read = await outcome(this.baseUrl, result);
    const { session } = this;
    const kept = read.kind !== 'signed_in' || (session.state === 'signed_in' && sameUser(session.userId, read.user.id));

    return kept ? read : { kind: 'done', flows: [] };
  }

  /**
   * Signs out, and resolves once the device keeps nothing that signs in. `revoked`
   * resolves to whether the server could be told at once; otherwise it is told later, also
   * after a restart.
   */
  signOut(options?: Pick<SignInOptions, 'force'>): Promise<{ revoked: Promise<boolean> }> {
    const { keeper } = this;
    keeper.slots.force(options?.force === true);

    return keeper.signOut();
  }

  /**
   * Drops the sign-in that is pending, and one that is on its way: the session that is there stays. For
   * when the user leaves the screens of a sign-in or sign-up.
   */
  cancelPending(): void {
    this.keeper.pending.cancelPending();
  }

  /**
   * Refreshes the access token now. Not needed before requests; never prompts. For a button that
   * tries again: after a try that got no answer it may ask at once, one time.
   */
  refresh(options?: CallOptions): Promise<void> {
    return this.keeper.refresh(options?.signal, true);
  }

  /**
   * Says that the network is back, so that nothing waits any longer because there was no answer.
   * What the server asked to wait for goes on. `online(false)`: the network is gone, and calls that
   * need it fail at once. See {@link followNetwork}.
   */
  online(connected = true): void {
    if (connected) {
      this.keeper.online();
    } else {
      this.keeper.offline();
    }
  }

  /** An access token that is still good, for what does not go through `fetch`, such as a WebSocket. */
  async accessToken(options?: CallOptions): Promise<string> {
    const { access } = await this.keeper.credential(undefined, options?.signal);
    if (!access) {
      throw this.keeper.nobody();
    }
    return access.text;
  }

  /** Shows the unlock prompt, where the storage has one, because the person asked for it. */
  unlock(): Promise<void> {
    return this.keeper.unlock(true);
  }

  /** Asks for the unlock prompt again before the next request; for when the app goes to the background. */
  lock(): void {
    this.keeper.lock();
  }

  /**
   * Stops timers, until the next call. The session stays stored, and goes on for other clients with the
   * same store: their timers run until the last of them is closed.
   */
  close(): void {
    const isLast = this.inside().leaveKeeper();

    if (isLast) {
      keepers.forEach((keeper, key) => keeper === this.keeper && keepers.delete(key));
    }
  }

  /** @internal One call of the protocol, with a time limit. */
  async ask({ call: [method, path], body, signal, apart, force }: Call): Promise<Answer> {
    const { keeper, settings, transport } = this.inside();
    if (force) {
      keeper.slots.force(true);
    }
    // Outside the limit: this may wait for the user before the unlock prompt, and a refresh has a limit of its own.
    const ticket = (await transport.authorize(method, settings.baseUrl + protocol + path, signal, apart)) as Ticket; // ours, and no refresh

    return request(settings, `${method} ${path}`, signal, body ? sent(body) : {}, (url, init) => transport.send(ticket, url, init));
  }
}

interface Inside {
  readonly settings: Settings;
  readonly keeper: Keeper;
  readonly transport: Transport;
  readonly leaveKeeper: () => boolean;
}

/** One for all copies of this package in a program. */
const keepers = shared('keepers', () => new Map<string, Keeper>());

/** Clients with one store share one session, or each would refresh for itself. */
function keeperOf(settings: Settings): Keeper {
  const { id } = settings.storage;
  if (id === undefined) {
    return createKeeper(settings);
  }
  const key = `${id} ${settings.baseUrl}`;
  const known = keepers.get(key) ?? createKeeper(settings);
  keepers.set(key, known);
  return known;
}

function settingsOf(options: LatchkeyOptions): Settings {
  const { storage, origins = [], deviceName, timeout = 15_000, clock = deviceClock(), random = Math.random } = options;
  const { allowInsecureHttp } = options;
  if (!storage.secure && globalThis.navigator?.product === 'ReactNative') {
    throw new TypeError('latchkey: React Native needs a secure storage, of ./expo or ./keychain');
  }
  return {
    baseUrl: address('baseUrl', options.baseUrl, allowInsecureHttp),
    storage,
    origins: origins.map((origin) => address('origins', origin, allowInsecureHttp)),
    deviceName,
    timeout,
    clock,
    random,
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
  };
}
