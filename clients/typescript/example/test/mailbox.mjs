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
  async code(address) {
    const found = new AbortController();
    const changes = watch(this.dir, { signal: AbortSignal.any([found.signal, AbortSignal.timeout(patience)]) })[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = changes.next();
        next.catch(() => undefined); // it is awaited below only where the mail is not here yet
        const code = this.#find(address);
        if (code) {
          return code;
        }
        await next;
      }
    } catch (cause) {
      throw new Error(`no mail with a code for ${address} within ${patience / 1000} s`, { cause });
    } finally {
      found.abort();
    }
  }

  #find(address) {
    const mails = readdirSync(this.dir).filter((name) => name.endsWith('.eml') && !this.#seen.has(name));
    for (const name of mails.sort()) {
      const text = readFileSync(join(this.dir, name), 'utf8').replaceAll('\r\n', '\n');
      if (!text.includes(`\nTo: <${address}>`)) {
        continue;
      }
      this.#seen.add(name);
      const code = /^[A-Z0-9]{4}-[A-Z0-9]{4}$|^\d{6}$/m.exec(text)?.[0];
      if (code) {
        return code;
      }
    }
    return undefined;
  }
}
