import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normal } from '../src/addresses.js';
import { createLatchkey, memoryStorage } from '../src/index.js';
import { credentials, device, profile, signedIn } from './stand-in/device.js';

const same = [
  'https://auth.example.com', 'https://auth.example.com/', 'https://auth.example.com//', 'HTTPS://Auth.Example.COM', 'https://auth.example.com:443',
  'https://auth.example.com:0443/', 'https://auth.example.com:/', 'https://auth.example.com/sub/..', 'https://auth.example.com/./', 'https://auth.example.com/a/%2E%2e/.',
];

for (const baseUrl of same) {
  test(`a server at ${baseUrl} is signed in to, and gets the token`, async () => {
    const { server, latchkey } = device({}, { baseUrl });
    assert.equal((await latchkey.signIn(credentials)).kind, 'signed_in');
    assert.equal(latchkey.baseUrl, 'https://auth.example.com');
    for (const url of [profile, `https://auth.example.com${profile}`, `HTTPS://AUTH.example.com:443/x/..${profile}`]) {
      await latchkey.fetch(url);
      assert.ok(server.headers[server.headers.length - 1]?.has('Authorization'), url);
    }
    await latchkey.fetch(new Request(`https://Auth.example.com:443${profile}`));
    assert.ok(server.headers[server.headers.length - 1]?.has('Authorization'));
  });
}

test('origins are compared as `fetch` sees them', async () => {
  for (const origin of ['https://API.example.com', 'https://api.example.com:443/', 'https://api.example.com/x/..']) {
    const { server, latchkey } = await signedIn({}, { origins: [origin] });
    for (const url of ['https://api.example.com/orders', 'https://API.example.com:443/orders']) {
      await latchkey.fetch(url);
      assert.ok(server.headers[server.headers.length - 1]?.has('Authorization'), `${origin} ${url}`);
    }
    for (const url of ['https://api.example.com:8443/', 'http://api.example.com/', 'https://api.example.com.evil.example/', 'https://api.example.com\\@evil.example/']) {
      await latchkey.fetch(url).catch(() => undefined);
      assert.ok(!server.headers[server.headers.length - 1]?.has('Authorization'), url);
    }
  }
});

const mistakes = [
  '', 'auth.example.com', 'ftp://auth.example.com', 'file:///etc', 'https:/auth.example.com', 'https://', 'https://auth.example.com?x', 'https://auth.example.com/#x',
  'https://ada@auth.example.com', 'https://ada:secret@auth.example.com', 'https://auth.example.com\\x', ' https://auth.example.com', 'https://auth example.com',
];
const plain = [
  'http://auth.example.com', 'http://localhost.example.com', 'http://127.0.0.1.example.com', 'http://192.168.1.20:8080', 'http://10.0.2.2:8080', 'HTTP://auth.example.com',
];
const here = ['http://localhost:8080', 'http://LOCALHOST', 'http://127.0.0.1:8080', 'http://127.1.2.3', 'http://[::1]:8080'];

for (const option of ['baseUrl', 'origins']) {
  const make = (url: string, allowInsecureHttp = false): void => {
    const options = option === 'origins' ? { baseUrl: 'https://auth.example.com', origins: [url] } : { baseUrl: url };
    createLatchkey({ ...options, storage: memoryStorage(), allowInsecureHttp }).close();
  };

  test(`${option}: what cannot work is a TypeError at construction, whatever is allowed`, () => {
    for (const url of mistakes) {
      assert.throws(() => make(url), TypeError, url);
      assert.throws(() => make(url, true), TypeError, url);
    }
  });

  test(`${option}: plain HTTP is for this machine, or by the option of that name`, () => {
    for (const url of plain) {
      assert.throws(() => make(url), TypeError, url);
      make(url, true);
    }
    for (const url of here) {
      make(url);
    }
  });
}

test('a URL is written as the platform writes it', () => {
  const urls = [
    'https://a.example', 'HTTP://A.Example:80/b/../c?d=/../#e', 'https://a.example:8443/../../b', 'https://a.example/b/.', 'https://a.example/b/..', 'https://a.example/b/../../c/',
    'https://a.example/b//../c', 'http://[::1]:8080/x', 'https://a.example?q', 'https://a.example/%2e%2E/b', 'https://a.example/...', 'https://a.example/.b/c..',
  ];
  for (const url of urls) {
    assert.equal(normal(url), new URL(url).href, url);
  }
});
