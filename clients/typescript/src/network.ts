import type { Latchkey } from './latchkey.js';

/** What is used of `import NetInfo from '@react-native-community/netinfo'`. */
export interface NetworkInfo {
  addEventListener(listener: (state: { readonly isConnected: boolean | null }) => void): () => void;
}

/** What is used of `import { AppState } from 'react-native'`. */
export interface ApplicationState {
  addEventListener(event: 'change', listener: (state: string) => void): { remove(): void };
}

/**
 * Tells a client when the network comes and goes, and when the app comes to the front, so that
 * nothing waits that could go on. Returns what ends it.
 */
export function followNetwork(latchkey: Pick<Latchkey, 'online'>, { netInfo, appState }: { netInfo?: NetworkInfo; appState?: ApplicationState }): () => void {
  // Null is "not known": no reason for either.
  const ignore = netInfo?.addEventListener(({ isConnected }) => isConnected === null || latchkey.online(isConnected));
  const front = appState?.addEventListener('change', (state) => state !== 'active' || latchkey.online());

  return () => {
    ignore?.();
    front?.remove();
  };
}
