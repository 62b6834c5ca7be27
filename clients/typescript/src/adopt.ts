import { received, sameToken, sessionOf } from './access-token.js';
import { nothingPending } from './errors.js';
import type { CallOptions, Latchkey } from './latchkey.js';
import type { Session } from './session.js';
import { checksum, type SessionRecord } from './record.js';
import { newKey } from './settings.js';
import type { Content } from './slots.js';
import { until } from './waiting.js';

/** Tokens that another client of the app has left: a refresh token, or allauth's session token. */
export type Tokens =
  | {
      refreshToken: string;
      /** Serves until the refresh token has been spent. */
      accessToken?: string | undefined;
      sessionToken?: undefined;
    }
  | {
      /** The `X-Session-Token` of a sign-in that is complete. */
      sessionToken: string;
      refreshToken?: undefined;
      accessToken?: undefined;
    };

/**
 * Takes over the tokens of another client of the app: stores the refresh token, and refreshes once
 * with it. A session token is stored alike, and exchanged once for a pair of the same session. It may be cut off anywhere: call it again, in the next run too, until it resolves or throws
 * kind `signed_out`, which says that the server refuses the token for good. The app can delete its own copy
 * after either. After kind `network` the user is signed in, and any request goes on with it.
 *
 * A session that is there is replaced, unless the token is of that session, and ended on the server.
 */
export async function adopt(latchkey: Latchkey, tokens: Tokens, options?: CallOptions): Promise<Session> {
  const { keeper } = latchkey.inside();
  const own = keeper.pending.begin();
  await until(keeper.load(), options?.signal);
  await keeper.idle(); // a refresh in flight belongs to the session before
  const stored = keeper.stored();
  const known = stored?.refreshToken;
  const from = tokens.sessionToken === undefined ? undefined : checksum(tokens.sessionToken);
  const token = tokens.sessionToken ?? tokens.refreshToken;
  const isOfSession = from !== undefined && from === stored?.from;
  const id = sessionOf(token);

  if (known === token || sameToken(token, known)) {
    await keeper.refresh(options?.signal, true); // it was stored, and no answer came
  } else if (!known || !(isOfSession || (id !== undefined && id === sessionOf(known)))) {
    await spend(latchkey, { refreshToken: token, from }, tokens.accessToken, own, options);
  } // else it has been taken over, and spent
  return keeper.session();
}

/** Stores the token beside the session that is there, with the key that will spend it, and spends it. */
async function spend(latchkey: Latchkey, token: Content, accessToken: string | undefined, own: number, options?: CallOptions): Promise<void> {
  const { keeper, settings } = latchkey.inside();
  const wanted = (): boolean => keeper.pending.isNewest(own);
  const idempotencyKey = newKey(settings.random);
  const beneath = keeper.slots.before(); // an earlier token has not replaced it yet, and this one takes its slot
  const write = async (): Promise<SessionRecord> => {
    const found = await keeper.slots.replace('beside', { ...token, idempotencyKey }, wanted);
    if (!wanted() || found?.idempotencyKey !== idempotencyKey) {
      throw nothingPending();
    }
    return found;
  };
  const stored = await keeper.overtake(() => beneath, write);
  const access = accessToken ? { ...received(accessToken, settings.clock), renew: 0 } : undefined;
  const settled = keeper.place(stored, access);

  await keeper.refresh(options?.signal, true).finally(settled);
  if (!wanted()) {
    throw nothingPending(); // a newer sign-in has replaced it, and ends it
  }
}
