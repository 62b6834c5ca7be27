import type { Storage } from './storage.js';

/** A store that goes away with the app, such as AsyncStorage. It gets the word `1`, no secret. */
export interface PlainStore {
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<unknown>;
}

/**
 * What happens at the first launch after a reinstall: iOS keeps what is in the keychain
 * when an app is deleted. `clear`, the default, starts signed out, and needs a store that
 * goes away with the app; `keep` goes on with the session that is there.
 */
export type ReinstallPolicy = { onReinstall?: 'clear'; installMarker: PlainStore } | { onReinstall: 'keep'; installMarker?: PlainStore };

/** Makes the `open` of a storage, which tells whether this installation is new to what the place holds. */
export function opening({ onReinstall, installMarker }: ReinstallPolicy, key: string, storage: Storage): Storage['open'] {
  return async (forget) => {
    if (onReinstall === 'keep' || !installMarker || (await installMarker.getItem(key))) {
      return;
    }
    // Before the first unlock after a restart everything looks absent, the marker too: only
    // where the secure store takes a write is that believed.
    await storage.write('probe', '1');
    if (!(await installMarker.getItem(key))) {
      await forget();
      await installMarker.setItem(key, '1');
    }
  };
}
