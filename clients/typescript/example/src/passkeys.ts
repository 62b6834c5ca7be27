import type { Passkeys } from '@latchkey-auth/client/passkeys';

/**
 * Passkeys of this device, if any. On phones they need a native module, which Expo Go does
 * not have. In an app of your own, with `react-native-passkeys` installed:
 *
 *     import * as Passkeys from 'react-native-passkeys';
 *     export const passkeys = Passkeys.isSupported() ? Passkeys : undefined;
 */
export const passkeys: Passkeys | undefined = undefined as Passkeys | undefined;
