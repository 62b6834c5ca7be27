import type { AccessToken } from './access-token.js';
import { received } from './access-token.js';
import { answerOf, isOver, judge, parse, type Answer } from './answer.js';
import type { Action } from './generated-actions/actions.gen.js';
import type { Keeper } from './keeper.js';
import { operationOf, protocol, stepOf } from './operations.js';
import { isOurs } from './server-calls.js';
import type { Settings } from './settings.js';
import { typed } from './waiting.js';

const deviceHeader = 'X-Latchkey-Device';

/** Paths that are of no use to anybody who is neither signed in nor about to be. An undo link needs no session. */
const personal = /^\/(api\/|_allauth\/app\/v1\/account(?!\/undo\b)([/?#]|$))/;

/**
 * Said of a request that belongs to a sign-in beside everything else: nothing of who is
 * signed in, and nothing of another sign-in that is pending, goes along with it.
 */
export interface Apart {
  /** The session token of that sign-in, once it has one. */
  readonly sessionToken?: string | undefined;
}

/** A request that may go out, with what to send and what was known when it was made. */
export interface Ticket {
  /** Headers to add. */
  readonly headers: Readonly<Record<string, string>>;
  readonly operation: string | undefined;
  readonly access: AccessToken | undefined;
  readonly sessionToken: string | undefined;
  /** It belongs to a sign-in of its own: see {@link Apart}. */
  readonly apart: boolean;
  /** The request does as well without the session token, which may be a dead one. */
  readonly dispensable: boolean;
  readonly epoch: number;
  /** It has been refreshed for, or repeated: there is no second time. */
  readonly last: boolean;
}

/** Adds tokens to requests and looks after the answers, whatever library sends them. */
export class Transport {
  constructor(
    private readonly settings: Settings,
    private readonly keeper: Keeper,
  ) {}

  /**
   * What to add to a request. Undefined where tokens must not go: other hosts than ours,
   * and the refresh operations, which carry their token in the body.
   */
  async authorize(method: string, url: string, signal?: AbortSignal | null, apart?: Apart): Promise<Ticket | undefined> {
    const { baseUrl, origins, deviceName } = this.settings;
    const path = url.startsWith(baseUrl + '/') ? url.slice(baseUrl.length) : undefined;
    const operation = path && operationOf(method, path);
    if ((!path && !origins.some((origin) => url.startsWith(origin))) || operation?.startsWith('refreshToken')) {
      return undefined;
    }
    // A sign-in begins anew, whoever is signed in: with a token it would be answered with 409.
    const anew = apart !== undefined || operation === 'login' || operation === 'signup';
    const step = stepOf(operation);
    const { access, fresh = false, epoch, sessionToken = apart?.sessionToken } = await this.keeper.credential(anew ? 'anew' : step, signal);
    const needed = path !== undefined && personal.test(path);
    if (needed && !access && !sessionToken) {
      throw this.keeper.nobody();
    }
    const headers: Record<string, string> = {};
    if (deviceName && path?.startsWith(protocol)) {
      headers['X-Device-Name'] = deviceName;
    }
    if (access) {
      headers['Authorization'] = `Bearer ${access.text}`;
    } else if (sessionToken && path) {
      headers['X-Session-Token'] = sessionToken;
    }
    const device = !access && path?.startsWith(`${protocol}auth/`) && (await this.keeper.device.read());
    if (device) {
      headers[deviceHeader] = device;
    }
    return { headers, operation: operation || undefined, access, sessionToken: path && sessionToken, apart: apart !== undefined, dispensable: !(needed || apart || step), epoch, last: fresh };
  }

  /** Looks after an answer. Returns the ticket to repeat the request with, once, where that may help. */
  async review(ticket: Ticket, answer: Answer, signal?: AbortSignal | null): Promise<Ticket | undefined> {
    const { operation, access } = ticket;
    const word = operation ? judge(operation, answer, access !== undefined) : access && answer.status === 401 ? 'refresh' : 'proceed';
    if (access) {
      this.keeper.proven(access, word !== 'refresh');
    }
    if (word === 'refresh' && access && !ticket.last) {
      const renewed = await this.keeper.renew(access, signal);
      return renewed && { ...ticket, access: renewed, headers: { ...ticket.headers, Authorization: `Bearer ${renewed.text}` }, last: true };
    }
    const { sessionToken } = ticket;
    const gone = word === 'sign_out' && answer.status === 410;
    if (sessionToken && (gone || isOver(operation, word, answer.status))) {
      this.keeper.dropPending(sessionToken);
      if (ticket.dispensable) {
        const { 'X-Session-Token': dead, ...headers } = ticket.headers;
        return { ...ticket, sessionToken: undefined, headers, last: true };
      }
    } else if (word === 'sign_out' && !gone) {
      await this.keeper.end('account_deleted');
    } else if (operation === 'endSession' && word === 'proceed' && access) {
      await this.keeper.end('user');
    } else {
      await this.takeTokens(ticket, answer, word);
    }
    return undefined;
  }

  /** Whether {@link review} depends on the body. */
  reads(ticket: Ticket, status: number, url: string): boolean {
    return status === 401 || status === 410 || (ticket.operation !== undefined && url.includes(protocol));
  }

  /** `fetch` with the person's token: refreshed ahead of its end, repeated once after a 401. */
  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = typeof input === 'object' && 'url' in input ? input : undefined;
    const url = this.absolute(request ? request.url : String(input));
    const method = (init?.method ?? request?.method ?? 'GET').toUpperCase();
    const ticket = await this.authorize(method, url, init?.signal ?? request?.signal);
    return ticket ? this.send(ticket, request ?? url, init) : this.settings.fetch(request ?? url, init);
  };

  /** Sends a request that may go out, once more where that helps, and looks after the answers. */
  async send(ticket: Ticket, input: Request | string, init?: RequestInit): Promise<Response> {
    const request = typeof input === 'object' ? input : undefined;
    const url = request ? request.url : String(input);
    const signal = init?.signal ?? request?.signal;
    try {
      for (;;) {
        // A copy goes out, so that there is a body left for the second time.
        const target = request ? request.clone() : url;
        const headers = merged(init?.headers ?? request?.headers, ticket.headers);
        // At a redirect to elsewhere, fetch takes the access token off by itself, and the other tokens not.
        const redirect = ticket.sessionToken || ticket.headers[deviceHeader] ? { redirect: 'error' as const } : undefined;
        const response = await this.settings.fetch(target, { ...init, headers, credentials: 'omit', ...redirect });
        const again: Ticket | undefined = await this.review(ticket, await this.answer(ticket, response, url), signal);
        if (!again || init?.body instanceof streams) {
          return response;
        }
        ticket = again;
      }
    } catch (cause) {
      throw typed(cause, signal);
    }
  }

  private async answer(ticket: Ticket, response: Response, url: string): Promise<Answer> {
    const readable = this.reads(ticket, response.status, url) && isOurs(this.settings.baseUrl, response);
    const body = readable ? parse(await response.clone().text()) : undefined;
    return answerOf(response.status, body, (name) => response.headers.get(name));
  }

  /** Any answer of the protocol may carry tokens: those of all flows, also of later ones. */
  private async takeTokens(ticket: Ticket, { status, envelope }: Answer, word: Action): Promise<void> {
    const meta = envelope?.meta;
    if (status < 300 && meta?.access_token && meta.refresh_token) {
      const pair = { access: received(meta.access_token, this.settings.clock), refreshToken: meta.refresh_token, user: envelope?.data?.user, deviceToken: meta.device_token };
      await this.keeper.adopt(pair, ticket.epoch, !ticket.access);
    } else if (meta && !meta.is_authenticated && (word === 'continue_flow' || !ticket.apart)) {
      // A sign-in of its own takes the place of another one that is pending only once it is that far.
      const sessionToken = meta.session_token ?? (word === 'continue_flow' ? ticket.sessionToken : undefined);
      const flows = (envelope?.data?.flows ?? []).filter((flow) => flow.is_pending).map((flow) => flow.id);
      if (sessionToken) {
        this.keeper.pending({ sessionToken, flows }, ticket.epoch, ticket.apart || sessionToken === meta.session_token);
      }
    }
  }

  private absolute(url: string): string {
    return url.startsWith('/') && !url.startsWith('//') ? this.settings.baseUrl + url : url;
  }
}

const streams = globalThis.ReadableStream ?? class {};

function merged(own: HeadersInit | undefined, added: Readonly<Record<string, string>>): Headers {
  const headers = new Headers(own);
  for (const name of Object.keys(added)) {
    headers.set(name, added[name] as string);
  }
  return headers;
}
