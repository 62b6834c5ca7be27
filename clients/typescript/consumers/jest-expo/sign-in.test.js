import { createLatchkey, LatchkeyError } from '@latchkey-auth/client';
import { secureStorage } from '@latchkey-auth/client/expo';

test('an app with the preset of Expo signs in', async () => {
  expect(secureStorage).toBeInstanceOf(Function);
  expect(createLatchkey).toBeInstanceOf(Function);
  expect(new LatchkeyError('network', 'no answer').kind).toBe('network');
});
