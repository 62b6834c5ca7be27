import { createLatchkey, LatchkeyError, memoryStorage, type Latchkey, type LatchkeyOptions, type Session, type Storage } from '../../src/index.js';
import { StillClock } from './clock.js';
import { baseUrl, Server } from './server.js';

export const profile = '/api/v1/users/profile/';
export const credentials = { email: 'ada@example.com', password: 'right' };

/** A store whose operations are noted and can be made to fail. */
export class Store implements Storage {
  readonly secure = true;
  readonly texts = new Map<string, string>();
  readonly done: string[] = [];
  /** Throws, to make an operation fail; or returns what is stored instead of the text. */
  fault: ((operation: 'read' | 'write' | 'remove', name: string, text?: string) => void | string | null) | undefined;
  /** What a write waits for. */
  slowly: Promise<unknown> | undefined;
  lock?: () => Promise<() => void>;
  unlock?: () => Promise<'unlocked' | 'dismissed' | 'changed'>;
  open?: (forget: () => Promise<void>) => Promise<void>;

  async read(name: string): Promise<string | null> {
    this.done.push(`read ${name}`);
    const instead = this.fault?.('read', name);
    return instead === undefined ? (this.texts.get(name) ?? null) : instead;
  }

  async write(name: string, text: string): Promise<void> {
    this.done.push(`write ${name}`);
    await this.slowly;
    this.texts.set(name, this.fault?.('write', name, text) ?? text);
  }

  async remove(name: string): Promise<void> {
    this.fault?.('remove', name);
    this.done.push(`remove ${name}`);
    this.texts.delete(name);
  }

  /** All that is stored, to look for what must not be there. */
  get all(): string {
    return [...this.texts.values()].join(' ');
  }
}

export const deviceLocked = (): never => {
  throw new LatchkeyError('locked', 'the device is locked');
};

export interface Device {
  readonly server: Server;
  readonly clock: StillClock;
  readonly store: Store;
  readonly latchkey: Latchkey;
  readonly seen: Session[];
}

/** A device with one client; `parts` are shared with other devices, or replaced. */
export function device(parts: Partial<Pick<Device, 'server' | 'clock' | 'store'>> = {}, options: Partial<LatchkeyOptions> = {}): Device {
  const { server = new Server(), clock = new StillClock(), store = new Store() } = parts;
  const latchkey = createLatchkey({ baseUrl, storage: store, clock, fetch: server.fetch, random: () => 0.5, ...options });
  const seen: Session[] = [];
  latchkey.onChange((session) => seen.push(session));
  return { server, clock, store, latchkey, seen };
}

/** The same, signed in. */
export async function signedIn(parts: Parameters<typeof device>[0] = {}, options: Partial<LatchkeyOptions> = {}): Promise<Device> {
  const made = device(parts, options);
  await made.latchkey.signIn(credentials);
  made.seen.length = 0;
  return made;
}

/** The reasons for which a device was signed out. */
export function ends(seen: readonly Session[]): (string | undefined)[] {
  return seen.flatMap((session) => (session.state === 'signed_out' ? [session.reason] : []));
}

export { memoryStorage };
