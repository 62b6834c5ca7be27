const subPaths = ['', '/api', '/axios', '/expo', '/keychain', '/passkeys', '/providers', '/react', '/second-factor'];

/** Signs in with the client that `load` gives, at an answer made by hand. */
module.exports = async function check(load) {
  for (const path of subPaths) {
    const names = Object.keys(await load(`@latchkey-auth/client${path}`));
    if (names.length === 0) {
      throw new Error(`${path} exports nothing`);
    }
  }
  const { createLatchkey, memoryStorage } = await load('@latchkey-auth/client');
  const latchkey = createLatchkey({ baseUrl: 'https://auth.example.com', storage: memoryStorage(), fetch: answer });
  const result = await latchkey.signIn({ email: 'ada@example.com', password: 'right' });
  if (result.kind !== 'signed_in') {
    throw new Error(`kind ${result.kind}`);
  }
};

async function answer() {
  const claims = Buffer.from(JSON.stringify({ iat: 1, exp: 301 })).toString('base64url');
  const meta = { is_authenticated: true, access_token: `h.${claims}.s`, refresh_token: 'h.e30.s' };
  return Response.json({ status: 200, data: { user: { id: 1, display: 'Ada' } }, meta });
}
