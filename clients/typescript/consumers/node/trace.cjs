// What Metro bundles is one file, and not minified: its names are in a stack trace, and its source map leads to the
// TypeScript sources.
const assert = require('node:assert/strict');
const { createLatchkey } = require('@latchkey-auth/client');

assert.match(require.resolve('@latchkey-auth/client'), /dist.react-native/);
try {
  createLatchkey({ baseUrl: 'ftp://auth.example.com', storage: { secure: true } });
  assert.fail('an address that cannot work was taken');
} catch (error) {
  assert.match(error.stack, /at address .*src.addresses\.ts:\d+/);
  assert.match(error.stack, /at createLatchkey .*src.latchkey\.ts:\d+/);
}
