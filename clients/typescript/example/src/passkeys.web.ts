import { browserPasskeys, browserSupportsPasskeys, type Passkeys } from '@latchkey-auth/client/passkeys';

/** Passkeys of the browser, where it has them. It does at `https://` and `http://localhost`, not at an IP address. */
export const passkeys: Passkeys | undefined = browserSupportsPasskeys() ? browserPasskeys() : undefined;
