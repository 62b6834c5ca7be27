import { AppState, Linking } from 'react-native';

/** Where a service sends the person back to. */
export const returnAddress = 'latchkeyexample://returned';

/** Opens a page in the browser. Resolves to what follows the `#` once it leads back here; undefined where the person came back without. */
export async function visit(address: Promise<string>): Promise<string | undefined> {
  await Linking.openURL(await address);
  return new Promise((resolve) => {
    const end = (fragment?: string) => {
      link.remove();
      back.remove();
      resolve(fragment);
    };
    const link = Linking.addEventListener('url', ({ url }) => url.startsWith(returnAddress) && end(url.split('#')[1]));
    // The link comes with the app's return, or not at all.
    const back = AppState.addEventListener('change', (state) => state === 'active' && setTimeout(end, 1_000));
  });
}
