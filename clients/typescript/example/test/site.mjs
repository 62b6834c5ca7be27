import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import http from 'node:http';
import { extname, join, normalize } from 'node:path';
import { createInterface } from 'node:readline';

const kinds = { '.html': 'text/html', '.js': 'text/javascript', '.json': 'application/json', '.ico': 'image/x-icon' };

/** A port of this machine that is free now. */
export async function freePort() {
  const probe = http.createServer();
  await listening(probe, 0);
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

/**
 * Starts `latchkey dev`, whose passkeys are good for pages of `origin`. Resolves once it listens;
 * `output()` is all that it has printed.
 */
export async function startLatchkey(program, { dir, mailDir, origin, proofSeconds }) {
  const settings = {
    ACCOUNT_EMAIL_VERIFICATION: 'mandatory',
    ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED: 'true',
    ACCOUNT_LOGIN_BY_CODE_ENABLED: 'true',
    ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED: 'true',
    ACCOUNT_RATE_LIMITS: 'false',
    ACCOUNT_REAUTHENTICATION_TIMEOUT: String(proofSeconds),
    HEADLESS_FRONTEND_URLS: JSON.stringify({ account_undo: `${origin}/#undo/{key}` }),
    LATCHKEY_MAIL_DIR: mailDir,
    LATCHKEY_WEBAUTHN_ORIGINS: origin,
    MFA_PASSKEY_SIGNUP_ENABLED: 'true',
    MFA_SUPPORTED_TYPES: 'totp,webauthn,recovery_codes',
    MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN: 'true',
    MFA_TOTP_TOLERANCE: '1', // a code serves once, and the walk does not wait half a minute for the next
  };
  const child = spawn(program, ['dev', '--dir', dir, '--addr', '127.0.0.1:0', '--json'], { env: { PATH: process.env.PATH, PG_BIN: process.env.PG_BIN, ...settings } });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const ended = once(child, 'close');
  const gone = ended.then(([code]) => Promise.reject(new Error(`latchkey dev ended with ${code}:\n${output}`)));
  gone.catch(() => undefined); // it ends in the end
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), gone]);
  return {
    url: JSON.parse(line).url,
    output: () => output,
    stop: async () => {
      child.kill('SIGINT');
      await ended;
    },
  };
}

/** Serves the files below `root` on a port of localhost, and the API of `api` beside them: one origin. */
export async function startSite(root, api, port) {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    if (pathname.startsWith('/_allauth/') || pathname.startsWith('/api/')) {
      forward(api, request, response);
    } else {
      serve(root, pathname, response);
    }
  });
  await listening(server, port);
  return {
    url: `http://localhost:${port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

function forward(api, request, response) {
  const upstream = http.request(new URL(request.url, api), { method: request.method, headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', () => response.destroy());
  request.pipe(upstream);
}

function serve(root, pathname, response) {
  const path = join(root, normalize(pathname === '/' ? '/index.html' : pathname));
  if (!path.startsWith(root) || !existsSync(path)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': kinds[extname(path)] ?? 'application/octet-stream' });
  createReadStream(path).pipe(response);
}

function listening(server, port) {
  return new Promise((done, failed) => server.once('error', failed).listen(port, '127.0.0.1', done));
}
