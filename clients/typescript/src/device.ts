import type { Storage } from './storage.js';

/**
 * Keeps the device token that a sign-in hands out, for later sign-ins. The server counts wrong
 * passwords and messages of a device that sends it by themselves, so that strangers who guess
 * do not lock its user out. It signs nobody in, and stays after a sign-out. A store that does
 * not keep it costs nothing else.
 */
export class Device {
  constructor(private readonly storage: Storage) {}

  async read(): Promise<string | null> {
    try {
      return await this.storage.read('device');
    } catch {
      return null;
    }
  }

  async write(token: string): Promise<void> {
    try {
      await this.storage.write('device', token);
    } catch {
      // The sign-in is good without.
    }
  }
}
