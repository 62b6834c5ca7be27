import type { AccessToken } from './access-token.js';
import { storeError } from './errors.js';
import type { Parts } from './keeper.js';
import { keyLost, type Reading } from './reading.js';
import type { SessionRecord } from './record.js';
import type { EndReason } from './session.js';
import type { Content } from './slots.js';
import { shortPatience, within } from './waiting.js';

/** Ends sessions: by the user, by the server, because a newer one takes their place, or because they come too late. */
export type Ending = ReturnType<typeof createEnding>;

export function createEnding(parts: Parts, reading: Reading, abortRefresh: () => void) {
  const { settings, memory, pending, device, slots, revocations } = parts;

  /** Ends the session here, and begins to tell the server. */
  async function signOut(reason: EndReason = 'user'): Promise<{ revoked: Promise<boolean> }> {
    const { record: held, access: token } = memory;
    pending.cancelPending();
    memory.forget();
    abortRefresh();
    const then = memory.epoch;
    if (held) {
      memory.leave(reason);
    }
    let ended = held;
    let failure: unknown;
    try {
      await reading.open();
      // A sign-in that began later may be there by now.
      const wanted = (): boolean => then === memory.epoch;
      const beneath = slots.before();
      const end = (): Promise<SessionRecord | undefined> => slots.end({ reason, keepToken: true, wanted });
      ended = (await overtake(() => (wanted() ? beneath : undefined), end)) ?? held;
      if (memory.news.now().state !== 'signed_out' && then === memory.epoch) {
        memory.leave(ended ? (ended.endReason ?? reason) : slots.lost() ? keyLost : undefined, ended?.endedAt);
      }
    } catch (error) {
      failure = error;
      memory.leaving = held;
    }
    const revoked = ended?.refreshToken ? revocations.add(ended, token) : Promise.resolve(true);
    if (failure) {
      throw storeError(failure);
    }
    return { revoked };
  }

  /** The server has ended the session; `only` that one. */
  async function end(reason: string, endedAt?: number, only?: SessionRecord): Promise<void> {
    memory.forget();
    await slots.end({ reason, endedAt, only }).catch(() => undefined); // its token is dead anyhow
    memory.leave(reason, endedAt);
    if (reason === 'account_deleted') {
      await device.forget().catch(() => undefined); // the account is gone, and its token says nothing any more
    }
  }

  /**
   * Writes a session over another one. That one is queued for its end first, in case this program ends between, and
   * the server is asked to end it once the write is done.
   */
  async function overtake<Result>(
    before: () => SessionRecord | undefined,
    write: () => Promise<Result>,
  ): Promise<Result> {
    const kept = before();
    await revocations.keep(kept);
    const written = await write().catch(async (error: unknown) => {
      await revocations.drop(kept).catch(() => undefined); // it goes on
      throw error;
    });
    const overtaken = before(); // it may have been refreshed meanwhile
    if (overtaken) {
      void revocations.add(overtaken, overtaken === memory.record ? memory.access : undefined);
    }
    return written;
  }

  /** Ends a session that came too late or could not be stored: nobody has it, so it must not live on unseen. */
  async function discard(content: Content, access: AccessToken): Promise<void> {
    const session = { ...content, sequence: 0 };

    await revocations.keep(session);
    await within(settings.clock, shortPatience, revocations.add(session, access)).catch(() => undefined);
  }

  return { signOut, end, overtake, discard };
}
