import { secureStorage } from '@latchkey-auth/client/keychain';
import { signsIn } from '../shared/sign-in';

test('with the preset of React Native as it is, a component signs in at a fake server', () => signsIn(secureStorage));
