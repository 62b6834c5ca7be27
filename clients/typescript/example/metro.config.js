// Metro's usual settings, and the API of a server on this machine beside the app: a page in
// the browser and the API have to be of one origin.
const { getDefaultConfig } = require('expo/metro-config');
const http = require('node:http');

const api = process.env.LATCHKEY_URL ?? 'http://127.0.0.1:8080';
const config = getDefaultConfig(__dirname);

function forward(request, response) {
  const upstream = http.request(new URL(request.url, api), { method: request.method, headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', () => response.destroy());
  request.pipe(upstream);
}

config.server.enhanceMiddleware = (metro) => (request, response, next) =>
  /^\/(_allauth|api)\//.test(request.url) ? forward(request, response) : metro(request, response, next);

module.exports = config;
