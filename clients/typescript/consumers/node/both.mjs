// A library that requires the client and an app that imports it have to mean the same classes and the same React context.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as imported from '@latchkey-auth/client';
import * as importedReact from '@latchkey-auth/client/react';

const require = createRequire(import.meta.url);
const required = require('@latchkey-auth/client');

assert.equal(required.LatchkeyError, imported.LatchkeyError);
assert.ok(imported.isRetryable(new required.LatchkeyError('network', 'no answer')));
assert.equal(require('@latchkey-auth/client/react').LatchkeyProvider, importedReact.LatchkeyProvider);
