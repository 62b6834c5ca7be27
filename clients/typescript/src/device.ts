import type { Storage } from './storage.js';

const name = 'device';

/**
 * Keeps the device token of the last sign-in for later ones. The server counts wrong passwords
 * and messages of a device that shows it separately, so that strangers who guess do not lock the
 * user out. It signs nobody in and stays after a sign-out. A store that fails stops no sign-in.
 */
export type DeviceToken = ReturnType<typeof createDeviceToken>;

export function createDeviceToken(storage: Storage) {
  async function read(): Promise<string | undefined> {
    const token = await storage.read(name).catch(() => undefined);
    return token && fits(token) ? token : undefined;
  }

  async function keep(token: string | undefined): Promise<void> {
    if (token && fits(token)) {
      await storage.write(name, token).catch(() => undefined); // the sign-in is good without it
    }
  }

  return { read, keep, forget: () => storage.remove(name) };
}

/** Whether a text can be a device token. A header takes visible ASCII: anything else would make each sign-in fail. */
function fits(token: string): boolean {
  return /^[!-~]{1,256}$/.test(token);
}
