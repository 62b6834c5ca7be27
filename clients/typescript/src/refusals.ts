import type { AccessToken } from './access-token.js';
import { createBackoff, type Backoff } from './backoff.js';
import type { Settings } from './settings.js';

/** Refreshes in {@link span} that answers of 401 may cause. */
const most = 6;
const span = 600_000;

/**
 * Says whether a 401 may cause a refresh. An API that refuses new tokens is no reason for more
 * of them, and must not keep others from theirs: each origin waits for itself.
 */
export type Refusals = ReturnType<typeof createRefusals>;

export function createRefusals(settings: Settings) {
  const origins = new Map<string, { readonly backoff: Backoff; access: AccessToken }>();
  let recent: number[] = [];



  function allows(origin: string): boolean {
    const { clock } = settings;
    const known = origins.get(origin);

    recent = recent.filter((at) => at > clock.monotonic() - span);
    // The last one is left for origins that have refused nothing new.
    return recent.length < (known ? most - 1 : most) && !known?.backoff.wait();
  }

  /** Notes a refresh that a 401 caused, and that was answered. */
  function refreshed(): void {
    recent.push(settings.clock.monotonic());
  }

  /** Notes that an origin refuses a token that has just been refreshed; once for each token. */
  function refused(origin: string, access: AccessToken): void {
    const { clock, random } = settings;
    const known = origins.get(origin);

    if (known?.access !== access) {
      const backoff = known?.backoff ?? createBackoff(clock, random);
      backoff.fail();
      origins.set(origin, { backoff, access });
    }
  }

  /** Notes that a refresh has helped there. */
  function taken(origin: string): void {
    origins.delete(origin);
  }

  return { allows, refreshed, refused, taken };
}
