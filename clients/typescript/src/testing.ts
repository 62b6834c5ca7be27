/**
 * A Latchkey server in memory, for the tests of apps.
 *
 * @packageDocumentation
 */
export { FakeServer, fakeServer, type FakeAnswer, type FakeRequest, type FakeServerOptions, type FakeUser } from './fake-server.js';
export type { FakeProblem } from './fake-answers.js';
export { testStorage } from './test-storage.js';
