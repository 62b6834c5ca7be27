// `latchkey dev` for tests: the real server, with a database of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface DevServer {
  readonly url: string;
  /** The folder to which its mails are written. */
  readonly mails: string;
  /** Ends the server, and fails unless it ends well. */
  stop(): Promise<void>;
}

/** Starts the program that LATCHKEY_BIN names with these settings of `latchkey serve`. */
export async function startDev(settings: Record<string, string> = {}): Promise<DevServer> {
  const binary = process.env['LATCHKEY_BIN'];
  assert.ok(binary, 'set LATCHKEY_BIN to the program');

  const dir = await mkdtemp(join(tmpdir(), 'latchkey-'));
  await chmod(dir, 0o711); // the database's account passes through
  const mails = join(dir, 'mails');
  await mkdir(mails);

  const passed = Object.fromEntries(['PATH', 'HOME', 'TMPDIR', 'PG_BIN'].filter((name) => name in process.env).map((name) => [name, process.env[name]]));
  const env = { ...passed, LATCHKEY_MAIL_DIR: mails, ...settings };
  const child = spawn(binary, ['dev', '--dir', join(dir, 'd'), '--addr', '127.0.0.1:0', '--json'], { env });
  const ended = once(child, 'close');
  let log = '';
  child.stderr.on('data', (text) => (log += String(text)));

  const ready = once(createInterface(child.stdout), 'line').then(([line]) => JSON.parse(String(line)) as { url: string });
  const gone = ended.then(() => Promise.reject(new Error(`latchkey dev ended: ${log}`)));
  gone.catch(() => undefined); // it ends in the end
  const { url } = await Promise.race([ready, gone]);

  return {
    url,
    mails,
    async stop() {
      child.kill('SIGINT');
      const [code] = (await ended) as [number];
      await rm(dir, { recursive: true, force: true });
      assert.equal(code, 0, 'latchkey dev did not end well');
    },
  };
}
