import { decode } from './record.js';
import type { Storage } from './storage.js';

/** A store that goes away with the app, such as AsyncStorage. It gets the word `1` or `2`, no secret. */
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

/** What the marker says: the app is installed, or a session is there too. */
const installed = '1';
const signedIn = '2';

/**
 * Has a storage tell, when it is opened, whether this installation is new to what the place has, and whether the
 * place has lost what this installation had: a backup that was restored on another device has the app's files and no
 * secure items.
 */
export function followInstallation(storage: Storage, policy: ReinstallPolicy, key: string): void {
  const { onReinstall, installMarker } = policy;

  if (!installMarker) {
    return;
  }
  const { write } = storage;
  let noted: string | undefined;

  Object.assign(storage, {
    async write(name: string, text: string) {
      await write(name, text);
      const record = name.startsWith('slot') ? decode(text) : undefined;
      const mark = record?.endReason ? installed : signedIn;

      if (record && mark !== noted) {
        noted = mark;
        await installMarker.setItem(key, mark).catch(() => undefined); // the session is stored all the same
      }
    },
    async open(forget: (reason?: 'restored') => Promise<void>) {
      const marker = await installMarker.getItem(key);

      if (marker === signedIn && (await isEmpty(storage))) {
        await forget('restored');
      } else if (!marker && onReinstall !== 'keep') {
        // Before the first unlock after a restart everything looks absent, the marker too: only
        // where the secure store takes a write is that believed.
        await storage.write('probe', '1');
        if (!(await installMarker.getItem(key))) {
          await forget();
          await installMarker.setItem(key, installed);
        }
      }
    },
  });
}

/**
 * Whether a secure store has nothing, not even what each installation writes first. A locked one says so, too, but
 * takes no write.
 */
async function isEmpty(storage: Storage): Promise<boolean> {
  const probe = await storage.read('probe').catch(() => 'unreadable');

  if (probe) {
    return false;
  }
  await storage.write('probe', '1');
  const slots = await Promise.all([storage.read('slot-0'), storage.read('slot-1')]);

  return !slots[0] && !slots[1];
}
