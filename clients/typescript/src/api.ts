/**
 * The whole API of the server, one function an operation. A bundler drops what is not used.
 *
 * @packageDocumentation
 */
import { below } from './addresses.js';
import { answerOf, errorOf, judge, type Envelope } from './answer.js';
import { LatchkeyError } from './errors.js';
import { createClient, type Client } from './generated/client/index.js';
import type { Latchkey } from './latchkey.js';
import { operationOf, protocol } from './operations.js';
import type { ApiResult } from './outcome.js';
import { isOurs } from './server-calls.js';
import { typed } from './waiting.js';

export * from './generated/index.js';
export type { Client } from './generated/client/index.js';

/**
 * What the functions here take as `client`: their requests go through `latchkey.fetch`, and
 * tokens that an answer brings are kept, so that a sign-in may end with any of them. What goes
 * wrong is a `LatchkeyError` everywhere: thrown with `throwOnError`, and as `error` without. It has
 * the members of the answer too (`errors`, `data`, `meta`), without tokens.
 */
export function apiClient(latchkey: Latchkey): Client {
  const { baseUrl } = latchkey;
  const client = createClient({ baseUrl, fetch: latchkey.fetch, credentials: 'omit' });

  client.interceptors.response.use(async (response, request) => {
    await documented(baseUrl, request, response);
    return response;
  });
  client.interceptors.error.use((error, response, request) => typedError(baseUrl, error, response, request));

  return client;
}

/**
 * The data of a call: `await dataOf(listSessions({ client }))`. Throws the `LatchkeyError` where
 * there is none, also where a step of a sign-in is pending, as `error.flows` says then.
 */
export async function dataOf<Data>(call: PromiseLike<ApiResult & { readonly data?: Data }>): Promise<NonNullable<Data>> {
  const { data, error } = await call;

  if (data === undefined || data === null) {
    throw typed(error, undefined);
  }
  return data;
}

/** Throws kind `undocumented` for an answer that says yes and is not the server's, such as a captive portal's page. */
async function documented(baseUrl: string, request: Request, response: Response): Promise<void> {
  const path = below(baseUrl, request.url) ?? '';

  if (!response.ok || response.status === 204) {
    return;
  }
  const body: unknown = await response.clone().json().catch(() => undefined);
  const known = typeof body === 'object' && body !== null && (!path.startsWith(protocol) || (body as Envelope).status === response.status);

  if (!known || !isOurs(baseUrl, response)) {
    throw new LatchkeyError('undocumented', `the server answered ${response.status}, and it is not the server's answer`, { status: response.status });
  }
}

function typedError(baseUrl: string, error: unknown, response: Response | undefined, request: Request | undefined): LatchkeyError {
  if (error instanceof LatchkeyError) {
    return error;
  }
  if (!response || !request) {
    return typed(error, request?.signal);
  }
  const operation = operationOf(request.method, below(baseUrl, request.url) ?? '') ?? '';
  const answer = answerOf(response.status, isOurs(baseUrl, response) ? error : undefined, (name) => response.headers.get(name));
  const made = errorOf(operation, judge(operation, answer, false), answer);

  return answer.envelope ? Object.defineProperties(made, membersOf(answer.envelope)) : made;
}

/** The members of an answer, as the generated types name them: not enumerable, so that nothing prints them. */
function membersOf({ data, errors, meta }: Envelope): PropertyDescriptorMap {
  const { session_token, access_token, refresh_token, device_token, ...rest } = meta ?? {};

  return { data: { value: data }, errors: { value: errors }, meta: { value: rest } };
}
