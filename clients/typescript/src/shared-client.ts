import type { Latchkey } from './latchkey.js';

/** The task of the event loop in which a server has first drawn a page with a client. */
const drawnIn = new WeakMap<Latchkey, object>();
const warned = new WeakSet<Latchkey>();

let task: object | undefined;

/**
 * Warns, in development, where a server draws more than one page with a client that is signed in: all visitors
 * share its session. A client of one request begins one page, or several in one task.
 */
export function warnIfShared(latchkey: Latchkey): void {
  const { window, process } = globalThis as { window?: unknown; process?: { env?: { NODE_ENV?: string } } };

  const isOff = window || process?.env?.NODE_ENV === 'production';

  if (isOff || warned.has(latchkey) || latchkey.session.state !== 'signed_in') {
    return;
  }
  const first = drawnIn.get(latchkey);
  const now = currentTask();

  if (!first) {
    drawnIn.set(latchkey, now);
  } else if (first !== now) {
    warned.add(latchkey);
    console.error(
      'latchkey: a server draws several pages with one client, so that all visitors share its session. ' +
        'Make the client in the browser only, or one for each request.',
    );
  }
}

function currentTask(): object {
  if (!task) {
    task = {};
    setTimeout(() => (task = undefined));
  }
  return task;
}
