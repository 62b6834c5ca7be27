import { useEffect, useState } from 'react';
import { Linking, Platform } from 'react-native';

/** The key in a link such as `latchkeyexample://undo/KEY`, or `https://app.example.com/#undo/KEY` in a browser. */
export function undoKeyOf(link: string | null): string | undefined {
  return /(?:^[a-z]+:\/\/|#)undo\/([\w-]+)$/.exec(link ?? '')?.[1];
}

/** The key of the undo link that the app was opened by, and what forgets it. */
export function useUndoKey(): [key: string | undefined, forget: () => void] {
  const [key, setKey] = useState<string>();

  useEffect(() => {
    const take = (link: string | null) => {
      const found = undoKeyOf(link);
      if (!found) {
        return;
      }
      setKey(found);
      if (Platform.OS === 'web') {
        window.history.replaceState(null, '', window.location.pathname); // the key opens the account: it is not left in the address
      }
    };
    void Linking.getInitialURL().then(take);
    const subscription = Linking.addEventListener('url', ({ url }) => take(url));
    const changed = () => take(window.location.href); // in a browser, a link to this page does not load it anew
    if (Platform.OS === 'web') {
      window.addEventListener('hashchange', changed);
    }

    return () => {
      subscription.remove();
      if (Platform.OS === 'web') {
        window.removeEventListener('hashchange', changed);
      }
    };
  }, []);

  return [key, () => setKey(undefined)];
}
