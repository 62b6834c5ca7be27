import { Share } from 'react-native';

/** What the button says. */
export const copyLabel = 'Save or share';

/** Hands a text to another app; false where the person changed their mind. */
export async function copy(text: string): Promise<boolean> {
  return (await Share.share({ message: text })).action === Share.sharedAction;
}
