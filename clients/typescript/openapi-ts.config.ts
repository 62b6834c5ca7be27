import { defineConfig } from '@hey-api/openapi-ts';

export default defineConfig({
  input: '../../openapi.yaml',
  output: { path: 'src/generated', module: { extension: '.js' }, clean: true },
  plugins: [
    { name: '@hey-api/client-fetch', baseUrl: false }, // the server is the app's to name, not the document's
    { name: '@hey-api/typescript', definitions: { case: 'preserve' } },
    { name: '@hey-api/sdk', client: false }, // every call names its client: there is no default one without tokens
  ],
});
