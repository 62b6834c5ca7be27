import client = require('@latchkey-auth/client');
import api = require('@latchkey-auth/client/api');
import react = require('@latchkey-auth/client/react');
import { secureStorage } from '@latchkey-auth/client/expo';

export const latchkey: client.Latchkey = client.createLatchkey({ baseUrl: 'https://auth.example.com', storage: client.memoryStorage() });
export const used = [api.listSessions({ client: api.apiClient(latchkey) }), react.useSession, secureStorage];

// What an ES module has made is the same to CommonJS.
import type { Latchkey } from '@latchkey-auth/client' with { 'resolution-mode': 'import' };
export const imported: Latchkey = latchkey;
