/**
 * Where the session is kept: a few small texts by name. What fails throws; a
 * `LatchkeyError` of kind `locked` says that the device is locked. Nothing is deleted
 * because of a failure.
 */
export interface Storage {
  /**
   * Names the place, such as `keychain:com.example.app`. Two clients in one program with
   * the same name share one session, with the options of the first. Without it each storage object is a place of its own.
   */
  readonly id?: string;
  /** Whether the place is encrypted and this device's only. Demanded on React Native. */
  readonly secure: boolean;
  /** The text stored under `name`, or null where there is none. */
  read(name: string): Promise<string | null>;
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
  /**
   * Waits for the lock that all processes with this place share, where there is such a
   * thing, and returns what gives it back. It must die with its holder.
   */
  lock?(): Promise<() => void>;
  /**
   * Called once before the first read, for a place that outlives the app: awaits `forget`
   * where what it has is not from this installation, and `forget('restored')` where it has lost what
   * this installation had.
   */
  open?(forget: (reason?: 'restored') => Promise<void>): Promise<void>;
  /**
   * Lets the person prove that they are there, by a prompt of the system. `dismissed`: they
   * would not; `changed`: the enrolled faces or fingers are others than before.
   */
  unlock?(): Promise<'unlocked' | 'dismissed' | 'changed'>;
}

/** Where sessions are kept until the server knows that they have ended. What does not fit is in memory only. */
export const endingPlaces = ['ending', 'ending-1', 'ending-2', 'ending-3'];

/**
 * Keeps the session in memory: for Node, tests, and a browser tab. It is gone with the
 * program. React Native refuses it.
 */
export function memoryStorage(): Storage {
  const texts = new Map<string, string>();
  return {
    secure: false,
    read: async (name) => texts.get(name) ?? null,
    write: async (name, text) => void texts.set(name, text),
    remove: async (name) => void texts.delete(name),
  };
}
