// What React Native gives an app and the bare engine does not: XMLHttpRequest, which its
// fetch stands on, timers and a console. The requests end in a server of a few lines.
globalThis.self = globalThis;
globalThis.navigator = { product: 'ReactNative' };
globalThis.setTimeout ??= () => 0;
globalThis.clearTimeout ??= () => undefined;

const requests = [];
let generation = 0;

function answer(method, path, headers, body) {
  requests.push({ method, path, headers, body });
  const pair = () => ({
    status: 200,
    data: { user: { id: 4711, display: 'ada', has_usable_password: true }, methods: [] },
    // {"iat":1000,"exp":1300}
    meta: { is_authenticated: true, access_token: `h.eyJpYXQiOjEwMDAsImV4cCI6MTMwMH0.${generation}`, refresh_token: `r${generation}` },
  });
  if (path.endsWith('/auth/login')) {
    return [200, pair()];
  }
  if (path.endsWith('/auth/webauthn/login')) {
    const options = { status: 200, data: { request_options: { publicKey: { challenge: 'Y2hhbGxlbmdl' } } }, meta: { session_token: 'lkst_passkey' } };
    return method === 'GET' ? [200, options] : headers['x-session-token'] === 'lkst_passkey' ? [200, pair()] : [400, { status: 400, errors: [] }];
  }
  if (path.endsWith('/auth/token/refresh')) {
    if (JSON.parse(body).refresh !== `r${generation}` || !headers['idempotency-key']) {
      return [400, { status: 400, errors: [{ code: 'refresh_token_reused', message: '' }] }];
    }
    generation++;
    return [200, pair()];
  }
  const taken = headers.authorization === `Bearer h.eyJpYXQiOjEwMDAsImV4cCI6MTMwMH0.${generation}`;
  return taken && method !== 'DELETE' ? [200, { id: 4711, display: body ? JSON.parse(body).display : 'ada' }] : [401, { status: 401, data: { flows: [] }, meta: { is_authenticated: false } }];
}

globalThis.XMLHttpRequest = class {
  headers = {};

  open(method, url) {
    Object.assign(this, { method, url, responseURL: url });
  }

  setRequestHeader(name, value) {
    this.headers[name.toLowerCase()] = value;
  }

  getAllResponseHeaders() {
    return 'content-type: application/json\r\n';
  }

  abort() {}

  send(body) {
    const [status, json] = answer(this.method, this.url, this.headers, body);
    Promise.resolve().then(() => {
      Object.assign(this, { readyState: 4, status, statusText: '', response: JSON.stringify(json), responseText: JSON.stringify(json) });
      this.onload();
    });
  }
};

export { requests };
