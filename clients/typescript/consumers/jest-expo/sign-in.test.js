import { secureStorage } from '@latchkey-auth/client/expo';
import { signsIn } from '../shared/sign-in';

test('with the preset of Expo as it is, a component signs in at a fake server', () => signsIn(secureStorage));
