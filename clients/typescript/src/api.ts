/**
 * The whole API of the server, one function an operation. A bundler drops what is not used.
 *
 * @packageDocumentation
 */
import { createClient, type Client } from './generated/client/index.js';
import type { Latchkey } from './latchkey.js';

export * from './generated/index.js';
export type { Client } from './generated/client/index.js';

/**
 * What the functions here take as `client`: their requests go through `latchkey.fetch`, and
 * tokens that an answer brings are kept, so that a sign-in may end with any of them.
 */
export function apiClient(latchkey: Latchkey): Client {
  return createClient({ baseUrl: latchkey.baseUrl, fetch: latchkey.fetch, credentials: 'omit' });
}
