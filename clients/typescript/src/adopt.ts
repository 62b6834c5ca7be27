import { received, sameToken, sessionOf } from './access-token.js';
import { nothingPending } from './errors.js';
import type { CallOptions, Latchkey } from './latchkey.js';
import type { Session } from './session.js';
import { newKey } from './settings.js';
import { until } from './waiting.js';

/** Tokens that another client of the app has left. */
export interface Tokens {
  refreshToken: string;
  /** Serves until the refresh token has been spent. */
  accessToken?: string | undefined;
}

/**
 * Takes over the tokens of another client of the app: stores the refresh token, and refreshes once
 * with it. It may be cut off anywhere: call it again, in the next run too, until it resolves or throws
 * kind `signed_out`, which says that the server refuses the token for good. The app can delete its own copy
 * after either. After kind `network` the user is signed in, and any request goes on with it.
 *
 * A session that is there is replaced, unless the token is of that session, and ended on the server.
 */
export async function adopt(latchkey: Latchkey, { refreshToken, accessToken }: Tokens, options?: CallOptions): Promise<Session> {
  const { keeper } = latchkey.inside();
  const own = keeper.pending.begin();
  await until(keeper.load(), options?.signal);
  await keeper.idle(); // a refresh in flight belongs to the session before
  const known = keeper.stored()?.refreshToken;
  const id = sessionOf(refreshToken);

  if (known === refreshToken || sameToken(refreshToken, known)) {
    await keeper.refresh(options?.signal, true); // it was stored, and no answer came
  } else if (!known || id === undefined || id !== sessionOf(known)) {
    await spend(latchkey, { refreshToken, accessToken }, own, options);
  } // else it has been taken over, and spent
  return keeper.session();
}

/** Stores the token beside the session that is there, with the key that will spend it, and spends it. */
async function spend(latchkey: Latchkey, { refreshToken, accessToken }: Tokens, own: number, options?: CallOptions): Promise<void> {
  const { keeper, settings } = latchkey.inside();
  const wanted = (): boolean => keeper.pending.isNewest(own);
  const idempotencyKey = newKey(settings.random);
  const stored = await keeper.slots.replace('beside', { refreshToken, idempotencyKey }, wanted);

  if (!wanted() || stored?.idempotencyKey !== idempotencyKey) {
    throw nothingPending();
  }
  const access = accessToken ? { ...received(accessToken, settings.clock), renew: 0 } : undefined;
  const settled = keeper.place(stored, access);

  await keeper.refresh(options?.signal, true).finally(settled);
  if (!wanted()) {
    throw nothingPending(); // a newer sign-in has replaced it, and ends it
  }
}
