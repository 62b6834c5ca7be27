import { received, type AccessToken } from './access-token.js';
import { below, normal, originOf } from './addresses.js';
import { answerOf, isOver, judge, parse, type Answer } from './answer.js';
import type { Action } from './generated-actions/actions.gen.js';
import type { Keeper } from './keeper.js';
import { begins, flowBegunBy, operationOf, protocol, refreshes, stepOf } from './operations.js';
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
  /** Where it goes. */
  readonly origin: string;
  /** It begins a sign-in. */
  readonly first: boolean;
  /** It belongs to a sign-in of its own: see {@link Apart}. */
  readonly apart: boolean;
  /** The request does as well without the session token, which may be a dead one. */
  readonly dispensable: boolean;
  readonly epoch: number;
  readonly begun: number;
  /** It has been refreshed for, or repeated: there is no second time. */
  readonly last: boolean | 'renewed';
}

/** Adds tokens to requests and looks after the answers, whatever library sends them. */
export type Transport = ReturnType<typeof createTransport>;

export function createTransport(settings: Settings, keeper: Keeper) {
  /**
   * What to add to a request. Undefined where tokens must not go: other hosts than ours,
   * and the refresh operations, which carry their token in the body.
   */
  async function authorize(method: string, url: string, signal?: AbortSignal | null, apart?: Apart): Promise<Ticket | undefined> {
    const { baseUrl, origins, deviceName } = settings;
    const full = normal(url) ?? '';
    const path = below(baseUrl, url);
    const operation = path && operationOf(method, path);
    if ((!path && !origins.some((origin) => full.startsWith(`${origin}/`))) || refreshes.test(operation ?? '')) {
      return undefined;
    }
    // A sign-in begins anew, whoever is signed in: with a token it would be answered with 409.
    const anew = apart !== undefined || /^POST auth\/(login|signup)$/.test(operation ?? '');
    const first = begins.test(operation ?? '') && (anew || keeper.session().state !== 'signed_in');
    const begun = first && keeper.pending.begin();
    const step = stepOf(operation);
    const known = await keeper.credential(anew ? 'anew' : step, signal);
    const { access, fresh = false, epoch, sessionToken = apart?.sessionToken } = known;
    const needed = path !== undefined && personal.test(path);
    if (needed && !access && !sessionToken) {
      throw keeper.nobody();
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
    const device = !access && path?.startsWith(`${protocol}auth/`) && (await keeper.device.read());
    if (device) {
      headers[deviceHeader] = device;
    }
    return {
      headers,
      operation: operation || undefined,
      access,
      sessionToken: path && sessionToken,
      origin: originOf(full),
      first,
      apart: apart !== undefined,
      dispensable: !(needed || apart || step),
      epoch,
      begun: begun || known.begun,
      last: fresh,
    };
  }

  /** Looks after an answer. Returns the ticket to repeat the request with, once, where that may help. */
  async function review(ticket: Ticket, answer: Answer, signal?: AbortSignal | null): Promise<Ticket | undefined> {
    const { operation, access, origin } = ticket;
    const word = operation ? judge(operation, answer, access !== undefined) : access && answer.status === 401 ? 'refresh' : 'proceed';
    if (word === 'refresh' && access && !ticket.last) {
      const renewed = await keeper.renew(access, origin, signal);
      return renewed && { ...ticket, access: renewed, headers: { ...ticket.headers, Authorization: `Bearer ${renewed.text}` }, last: 'renewed' };
    }
    if (word === 'refresh' && access) {
      keeper.refusals.refused(origin, access);
    } else if (ticket.last === 'renewed') {
      keeper.refusals.taken(origin);
    }
    const { sessionToken } = ticket;
    const gone = word === 'sign_out' && answer.status === 410;
    if (sessionToken && (gone || isOver(operation, word, answer))) {
      keeper.pending.drop(sessionToken);
      if (ticket.dispensable) {
        const { 'X-Session-Token': dead, ...headers } = ticket.headers;
        return { ...ticket, sessionToken: undefined, headers, last: true };
      }
    } else if (word === 'sign_out' && !gone) {
      await keeper.end('account_deleted');
    } else if (operation === 'DELETE auth/session' && word === 'proceed' && access) {
      await keeper.end('user');
    } else {
      await takeTokens(ticket, answer, word);
      const flow = access && word === 'proceed' && flowBegunBy(operation);
      if (flow) {
        keeper.pending.claim(flow, ticket);
      }
    }
    return undefined;
  }

  /** Whether {@link review} depends on the body. */
  function reads(ticket: Ticket, status: number, url: string): boolean {
    return status === 401 || status === 410 || (ticket.operation !== undefined && url.includes(protocol));
  }

  /** `fetch` with the person's token: refreshed ahead of its end, repeated once after a 401. */
  async function fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = typeof input === 'object' && 'url' in input ? input : undefined;
    const url = absolute(request ? request.url : String(input));
    const method = (init?.method ?? request?.method ?? 'GET').toUpperCase();
    const ticket = await authorize(method, url, init?.signal ?? request?.signal);
    return ticket ? send(ticket, request ?? url, init) : settings.fetch(request ?? url, init);
  }

  /** Sends a request that may go out, once more where that helps, and looks after the answers. */
  async function send(ticket: Ticket, input: Request | string, init?: RequestInit): Promise<Response> {
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
        const response = await settings.fetch(target, { ...init, headers, credentials: 'omit', ...redirect });
        const again: Ticket | undefined = await review(ticket, await answer(ticket, response, url), signal);
        if (!again || init?.body instanceof streams) {
          return response;
        }
        ticket = again;
      }
    } catch (cause) {
      throw typed(cause, signal);
    }
  }

  async function answer(ticket: Ticket, response: Response, url: string): Promise<Answer> {
    const readable = reads(ticket, response.status, url) && isOurs(settings.baseUrl, response);
    const body = readable ? parse(await response.clone().text()) : undefined;
    return answerOf(response.status, body, (name) => response.headers.get(name));
  }

  /** Any answer of the protocol may carry tokens: those of all flows, also of later ones. */
  async function takeTokens(ticket: Ticket, { status, envelope }: Answer, word: Action): Promise<void> {
    const meta = envelope?.meta;
    if (status < 300 && meta?.access_token && meta.refresh_token) {
      const pair = { access: received(meta.access_token, settings.clock), refreshToken: meta.refresh_token, user: envelope?.data?.user, deviceToken: meta.device_token };
      await keeper.adopt(pair, ticket, !ticket.access);
    } else if (meta && !meta.is_authenticated && (word === 'continue_flow' || !ticket.apart)) {
      // A sign-in of its own takes the place of another one that is pending only once it is that far.
      const sessionToken = meta.session_token ?? (word === 'continue_flow' ? ticket.sessionToken : undefined);
      const flows = (envelope?.data?.flows ?? []).filter((flow) => flow.is_pending).map((flow) => flow.id);
      if (sessionToken) {
        keeper.pending.note({ sessionToken, flows }, ticket, ticket.first || sessionToken === meta.session_token);
      }
    }
  }

  function absolute(url: string): string {
    return url.startsWith('/') && !url.startsWith('//') ? settings.baseUrl + url : url;
  }

  return { authorize, review, fetch, send };
}

const streams = globalThis.ReadableStream ?? class {};

function merged(own: HeadersInit | undefined, added: Readonly<Record<string, string>>): Headers {
  const headers = new Headers(own);
  for (const name of Object.keys(added)) {
    headers.set(name, added[name] as string);
  }
  return headers;
}
