import type { Storage } from './storage.js';

const name = 'device';

/**
 * Keeps the device token of the last sign-in for later ones. The server counts wrong passwords
 * and messages of a device that shows it separately, so that strangers who guess do not lock the
 * user out. It signs nobody in and stays after a sign-out. A store that fails stops no sign-in.
 */
export class DeviceToken {
  constructor(private readonly storage: Storage) {}

  async read(): Promise<string | undefined> {
    try {
      const token = await this.storage.read(name);
      return token && fits(token) ? token : undefined;
    } catch {
      return undefined;
    }
  }

  async keep(token: string | undefined): Promise<void> {
    if (!token || !fits(token)) {
      return;
    }
    try {
      await this.storage.write(name, token);
    } catch {
      // The sign-in is good without it.
    }
  }

  forget(): Promise<void> {
    return this.storage.remove(name);
  }
}

/** Whether a text can be a device token. A header takes visible ASCII: anything else would make each sign-in fail. */
function fits(token: string): boolean {
  return /^[!-~]{1,256}$/.test(token);
}
