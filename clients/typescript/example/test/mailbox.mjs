import { readdirSync, readFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';

const patience = 15_000; // milliseconds

/** Reads codes from the mails that the server writes into `dir`, each mail once. */
export class Mailbox {
  #seen = new Set();

  constructor(dir) {
    this.dir = dir;
  }

  /** The code of the next mail to `address` that carries one. Mails that come before it are passed over. */
  code(address) {
    return this.#next(address, /^[A-Z0-9]{4}-[A-Z0-9]{4}$|^\d{6}$/m);
  }

  /** The link of the next mail to `address` that contains `part`. */
  link(address, part) {
    return this.#next(address, new RegExp(`^https?://\\S*${part}\\S*$`, 'm'));
  }

  async #next(address, pattern) {
    const over = new AbortController();
    const changes = watch(this.dir, { signal: AbortSignal.any([over.signal, AbortSignal.timeout(patience)]) })[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = changes.next();
        next.catch(() => undefined); // it is awaited below only where the mail is not here yet
        const found = this.#find(address, pattern);
        if (found) {
          return found;
        }
        await next;
      }
    } catch (cause) {
      throw new Error(`no mail that matches ${pattern} for ${address} within ${patience / 1000} s`, { cause });
    } finally {
      over.abort();
    }
  }

  #find(address, pattern) {
    const mails = readdirSync(this.dir).filter((name) => name.endsWith('.eml') && !this.#seen.has(name));
    for (const name of mails.sort()) {
      const text = readFileSync(join(this.dir, name), 'utf8').replaceAll('\r\n', '\n');
      if (!text.includes(`\nTo: <${address}>`)) {
        continue;
      }
      this.#seen.add(name);
      const found = pattern.exec(text)?.[0];
      if (found) {
        return found;
      }
    }
    return undefined;
  }
}
