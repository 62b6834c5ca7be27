// The driver of the TypeScript client: JSON lines in, JSON lines out. Started by
// `go run ./clients/conformance`; the protocol is in clients/conformance/README.md.
import { setMaxListeners } from 'node:events';
import { createInterface } from 'node:readline';
import { inspect } from 'node:util';
import { addEmailAddress, apiClient, verifyEmail } from '../dist/api.js';
import { adopt } from '../dist/adopt.js';
import { createLatchkey, LatchkeyError } from '../dist/index.js';
import { showSecondFactorKey, signInWithPasskey } from '../dist/passkeys.js';
import { signInWithProvider } from '../dist/providers.js';
import { submitSecondFactorCode } from '../dist/second-factor.js';
import { Faults, fileStorage, mortalFetch, VirtualClock } from './device.mjs';

const clock = new VirtualClock();
const faults = new Faults();
const clients = new Map(); // name → { latchkey, events, prompts }
const running = new Map(); // id of a command → AbortController

/** The person before the prompt. */
const person = {
  answer: 'allow',
  changed: [],
  async decide() {
    while (this.answer === 'hold') {
      await new Promise((resolve) => this.changed.push(resolve));
    }
    return this.answer === 'allow' ? 'unlocked' : 'dismissed';
  },
  set(answer) {
    this.answer = answer;
    this.changed.splice(0).forEach((resolve) => resolve());
  },
};

const commands = {
  start({ client = 'a', base_url: baseUrl, store, unlock = false, origins }) {
    const held = { events: [], prompts: 0, given: [] };
    const storage = fileStorage(store, faults);
    if (unlock) {
      storage.unlock = () => {
        held.prompts++;
        return person.decide();
      };
    }
    held.latchkey = createLatchkey({ baseUrl, storage, clock, origins, fetch: mortalFetch(faults) });
    held.given.push(held.latchkey, storage, apiClient(held.latchkey));
    held.latchkey.onChange((session, before) => {
      held.given.push(session);
      const ended = before.state === 'signed_in' || session.reason === 'storage_key_lost';
      if (session.state === 'signed_in' ? before.state !== 'signed_in' : ended) {
        held.events.push({ kind: session.state, ...('reason' in session ? { reason: session.reason } : {}) });
      }
    });
    clients.set(client, held);
    return {};
  },
  sign_up: ({ client, email, password }, signal) => entered(client, of(client).latchkey.signUp({ email, password }, { signal })),
  sign_in: ({ client, email, password, force }, signal) => entered(client, of(client).latchkey.signIn({ email, password }, { signal, force })),
  second_factor({ client, code, authenticator }, signal) {
    const { latchkey } = of(client);
    return entered(client, authenticator ? showSecondFactorKey(latchkey, passkeys(authenticator), { signal }) : submitSecondFactorCode(latchkey, code, { signal }));
  },
  passkey_sign_in: ({ client, authenticator }, signal) => entered(client, signInWithPasskey(of(client).latchkey, passkeys(authenticator), { signal })),
  provider_sign_in: ({ client, provider, client_id: clientId, id_token: idToken, nonce }, signal) =>
    entered(client, signInWithProvider(of(client).latchkey, { provider, clientId, idToken, nonce }, { signal })),
  async adopt({ client, refresh_token: refreshToken, session_token: sessionToken, access_token: accessToken }, signal) {
    const tokens = sessionToken ? { sessionToken } : { refreshToken, accessToken };
    const session = await adopt(of(client).latchkey, tokens, { signal });
    return { result: session.state };
  },
  cancel_pending({ client }) {
    of(client).latchkey.cancelPending();
    return {};
  },
  online({ client }) {
    of(client).latchkey.online();
    return {};
  },
  async add_email({ client, email }, signal) {
    const { latchkey } = of(client);
    await latchkey.complete(addEmailAddress({ client: apiClient(latchkey), body: { email }, signal }));
    return {};
  },
  async verify_email({ client, code }, signal) {
    const { latchkey } = of(client);
    await latchkey.complete(verifyEmail({ client: apiClient(latchkey), body: { key: code }, signal }));
    return {};
  },
  show({ client }) {
    const ways = [(given) => inspect(given, { depth: null, showHidden: true, getters: true }), JSON.stringify, String];
    return { text: of(client).given.flatMap((given) => ways.map((way) => way(given))).join('\n') };
  },
  async call({ client, n = 1, body, url = '/api/v1/users/profile/' }, signal) {
    const { latchkey } = of(client);
    const init = body === undefined ? { signal } : { signal, method: 'PATCH', body, headers: { 'Content-Type': 'application/json' } };
    const statuses = [];
    const errors = [];
    const one = async () => {
      try {
        const response = await latchkey.fetch(url, init);
        await response.text();
        statuses.push(response.status);
      } catch (error) {
        errors.push(told(error, signal));
      }
    };
    await Promise.all(Array.from({ length: n }, one));
    return { statuses, errors };
  },
  async refresh({ client }, signal) {
    await of(client).latchkey.refresh({ signal });
    return {};
  },
  async sign_out({ client, force }) {
    const { revoked } = await of(client).latchkey.signOut({ force });
    await revoked; // a moment's chance to tell the server; false is as good
    return {};
  },
  async state({ client }) {
    const { latchkey, events, prompts } = of(client);
    await latchkey.ready().catch(() => undefined);
    const { state, reason } = latchkey.session;
    return { state, reason, events: events.splice(0), prompts };
  },
  clock(move) {
    clock.move(move);
    return {};
  },
  store_fault({ fault, times }) {
    faults.set(fault, times);
    return {};
  },
  kill_at({ point, n = 0 }) {
    faults.killAt = point;
    faults.writes = n;
    return {};
  },
  cancel({ target }) {
    running.get(target)?.abort();
    return {};
  },
  unlock_prompt({ answer }) {
    person.set(answer);
    return {};
  },
};

/** The device's prompt for a passkey: the kit answers it. */
function passkeys(authenticator) {
  return {
    async get(options) {
      const response = await fetch(authenticator, { method: 'POST', body: JSON.stringify(options) });
      return response.status === 200 ? response.json() : null;
    },
  };
}

function of(client = 'a') {
  return clients.get(client);
}

async function entered(client, step) {
  const result = await step;
  of(client).given.push(result);
  return result.kind === 'pending' ? { result: 'pending', flows: result.flows.map((flow) => flow.id) } : { result: result.kind };
}

/** An error as the kit reads it. */
function told(error, signal) {
  if (error instanceof LatchkeyError) {
    const { kind, status, code, action, retryAfter } = error;
    return { kind, status, code, action, retry_after: retryAfter };
  }
  if (signal?.aborted) {
    return { kind: 'cancelled' };
  }
  // A body that breaks off is thrown by the platform, as its fetch does it.
  return error instanceof TypeError ? { kind: 'network', action: 'retry' } : { kind: 'defect', code: String(error) };
}

async function answer({ id, do: name, ...members }) {
  const command = commands[name];
  if (!command) {
    return { id, ok: false, error: { kind: 'unsupported' } };
  }
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // 50 calls may wait for one
  running.set(id, controller);
  try {
    return { id, ok: true, ...(await command(members, controller.signal)) };
  } catch (error) {
    clients.get(members.client ?? 'a')?.given.push(error);
    return { id, ok: false, error: told(error, controller.signal) };
  } finally {
    running.delete(id);
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => void answer(JSON.parse(line)).then((reply) => process.stdout.write(JSON.stringify(reply) + '\n')))
  .on('close', () => process.exit(0));
