// The device under the client: a clock that stands still, a store on files, a transport,
// each with the faults of the kit. The protocol is in clients/conformance/README.md.
import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as realDelay } from 'node:timers/promises';
import { LatchkeyError } from '../dist/index.js';

const never = new Promise(() => {});

/** Ends the process as the system does it: nothing of ours runs any more. */
function die() {
  process.kill(process.pid, 'SIGKILL');
  return never;
}

/** Wall clock, monotonic clock and timers, in milliseconds, moved by the kit. */
export class VirtualClock {
  #started = Date.now();
  #elapsed = 0;
  #offset = 0;
  #timers = new Set();

  constructor() {
    Date.now = () => this.#started + this.#elapsed + this.#offset; // the client is to care for none of it
  }

  monotonic() {
    return this.#elapsed;
  }

  setTimer(run, milliseconds) {
    const timer = { run, due: this.#elapsed + milliseconds };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Time jumps to the end first: what the timers start has all its time still before it. */
  move({ wall_offset: offset, advance = 0 }) {
    this.#offset = offset === undefined ? this.#offset : offset * 1000;
    this.#elapsed += advance * 1000;
    const due = [...this.#timers].filter((timer) => timer.due <= this.#elapsed).sort((a, b) => a.due - b.due);
    for (const timer of due) {
      if (this.#timers.delete(timer)) {
        timer.run();
      }
    }
  }
}

/** The faults that happen inside a device; shared by all clients of the process. */
export class Faults {
  #store = { fault: 'none', left: 0 };
  killAt;
  /** The changes of the store until the process dies at `after_writes`. */
  writes = 0;
  /** The files that were written since the key was lost: all others can never be read again. */
  #rewritten;

  set(fault, times = 0) {
    if (fault === 'key_lost') {
      this.#rewritten = new Set();
      return;
    }
    this.#store = { fault, left: times || Infinity };
  }

  is(fault) {
    return this.#store.fault === fault;
  }

  /** Whether one of the faults strikes an operation now; counts it. */
  strikes(...faults) {
    if (this.#store.left <= 0 || !faults.includes(this.#store.fault)) {
      return false;
    }
    this.#store.left--;
    return true;
  }

  /** Notes that a file was written, with the key of now. */
  wrote(path) {
    this.#rewritten?.add(path);
  }

  /** Counts a change of the store, and kills the process at the one that the kit wants. */
  async changed() {
    this.writes--;
    if (this.writes === 0) {
      await this.at('after_writes');
    }
  }

  /** Whether what a file holds was written with a key that is lost. */
  unreadable(path) {
    return this.#rewritten !== undefined && !this.#rewritten.has(path);
  }

  /** Kills the process where the kit wants it. */
  async at(point) {
    if (this.killAt === point) {
      await die();
    }
  }
}

const deviceLocked = () => new LatchkeyError('locked', 'the device is locked');

/** The store in a directory: a file a slot, and a lock that dies with its holder. */
export function fileStorage(dir, faults) {
  const path = (name) => join(dir, name);
  let written = 0;
  const fail = (kind) => {
    if (faults.strikes('locked') || (kind !== 'read' && faults.strikes('not_found_while_locked'))) {
      if (kind === 'remove') {
        console.error('conformance: delete while locked');
      }
      throw deviceLocked();
    }
    if (kind === 'read' ? faults.strikes('fail_reads') : faults.strikes('reject_writes')) {
      throw new Error('input/output error');
    }
  };
  return {
    id: dir,
    secure: true,
    async read(name) {
      fail('read');
      if (faults.strikes('not_found_while_locked')) {
        return null;
      }
      const text = await readFile(path(name), 'utf8').catch((error) => {
        if (error.code === 'ENOENT') {
          return null;
        }
        throw error;
      });
      if (text !== null && faults.unreadable(path(name))) {
        throw new Error('could not decrypt the value with provided keychain');
      }
      return text;
    },
    async write(name, text) {
      const inSlot = name.startsWith('slot-');
      if (inSlot) {
        await faults.at('after_decode');
      }
      fail('write');
      if (inSlot && faults.strikes('torn_write')) {
        await writeFile(path(name), text.slice(0, text.length / 2));
        await die();
      }
      const fresh = path(`${name}.${process.pid}.${written++}`);
      await writeFile(fresh, text, { mode: 0o600 });
      await rename(fresh, path(name));
      faults.wrote(path(name));
      if (inSlot) {
        await faults.at('after_persist');
      }
      await faults.changed();
    },
    async remove(name) {
      fail('remove');
      await rm(path(name), { force: true });
      await faults.changed();
    },
    lock: () => lock(dir, faults),
  };
}

/** A listening socket is the lock: the system takes it away from a process that is gone. */
async function lock(dir, faults) {
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 32);
  const address = process.platform === 'linux' ? `\0latchkey-${name}` : join(dir, 'lock');
  for (;;) {
    const server = faults.is('lock_stuck') ? undefined : await listen(address);
    if (server) {
      return () => server.close();
    }
    await realDelay(10);
  }
}

function listen(address) {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(address, () => resolve(server));
  });
}

/** The platform's fetch, which dies at a point of a refresh, or of the exchange of a session token. */
export function mortalFetch(faults) {
  return async (input, init) => {
    if (!/\/refresh$|\/token\/exchange$/.test(String(input.url ?? input))) {
      return fetch(input, init);
    }
    await faults.at('before_send');
    const response = await fetch(input, init);
    await faults.at('after_send');
    const { status, headers, url } = response;
    return {
      status,
      headers,
      url,
      async text() {
        await faults.at('after_headers');
        const text = await response.text();
        await faults.at('after_body');
        return text;
      },
    };
  };
}
