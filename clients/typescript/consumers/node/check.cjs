const subPaths = Object.keys(require('@latchkey-auth/client/package.json').exports).filter((path) => path !== './package.json');

/** Loads every sub-path by `load`, and signs in at a fake server. */
module.exports = async function check(load) {
  for (const path of subPaths) {
    const names = Object.keys(await load(`@latchkey-auth/client${path.slice(1)}`));
    if (names.length === 0) {
      throw new Error(`${path} exports nothing`);
    }
  }
  const { createLatchkey, memoryStorage } = await load('@latchkey-auth/client');
  const { fakeServer } = await load('@latchkey-auth/client/testing');
  const server = fakeServer({ user: { email: 'ada@example.com', password: 'right' } });
  const latchkey = createLatchkey({ baseUrl: server.baseUrl, storage: memoryStorage(), fetch: server.fetch });
  const { kind } = await latchkey.signIn({ email: 'ada@example.com', password: 'right' });
  if (kind !== 'signed_in') {
    throw new Error(`kind ${kind}`);
  }
};
