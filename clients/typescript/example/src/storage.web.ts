import { memoryStorage, type Storage } from '@latchkey-auth/client';

/** A browser has no place that scripts of the page cannot read: the session ends with the tab. */
export const storage: Storage = memoryStorage();
