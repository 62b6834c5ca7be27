import { memoryStorage, type Storage } from './storage.js';

/** A store in memory that the client takes on React Native too, where it refuses `memoryStorage`. For tests only. */
export function testStorage(): Storage {
  return { ...memoryStorage(), secure: true };
}
