import type { AccessToken } from './access-token.js';
import { Backoff } from './backoff.js';
import type { Settings } from './settings.js';

/** Refreshes in {@link span} that answers of 401 may cause. */
const most = 6;
const span = 600_000;

/**
 * Says whether a 401 may cause a refresh. An API that refuses new tokens is no reason for more
 * of them, and must not keep others from theirs: each origin waits for itself.
 */
export class Refusals {
  private readonly origins = new Map<string, { readonly backoff: Backoff; access: AccessToken }>();
  private recent: number[] = [];

  constructor(private readonly settings: Settings) {}

  allows(origin: string): boolean {
    const { clock } = this.settings;
    const known = this.origins.get(origin);

    this.recent = this.recent.filter((at) => at > clock.monotonic() - span);
    // The last one is left for origins that have refused nothing new.
    return this.recent.length < (known ? most - 1 : most) && !known?.backoff.wait();
  }

  /** Notes a refresh that a 401 caused, and that was answered. */
  refreshed(): void {
    this.recent.push(this.settings.clock.monotonic());
  }

  /** Notes that an origin refuses a token that has just been refreshed; once for each token. */
  refused(origin: string, access: AccessToken): void {
    const { clock, random } = this.settings;
    const known = this.origins.get(origin);

    if (known?.access !== access) {
      const backoff = known?.backoff ?? new Backoff(clock, random);
      backoff.fail();
      this.origins.set(origin, { backoff, access });
    }
  }

  /** Notes that a refresh has helped there. */
  taken(origin: string): void {
    this.origins.delete(origin);
  }
}
