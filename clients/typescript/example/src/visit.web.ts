/** Where a service sends the person back to. */
export const returnAddress = `${window.location.origin}/returned.html`;

/** Opens a page in a window of its own. Resolves to what follows the `#` once it leads back here; undefined where the person closed it. */
export async function visit(address: Promise<string>): Promise<string | undefined> {
  const other = window.open('', '_blank', 'popup,width=480,height=720'); // at once: browsers open windows for a tap only
  if (!other) {
    return undefined;
  }
  try {
    other.location.href = await address;
    return await returned(other);
  } finally {
    other.close();
  }
}

function returned(other: Window): Promise<string | undefined> {
  return new Promise((resolve) => {
    const looking = setInterval(() => {
      const fragment = fragmentOf(other);
      if (other.closed || fragment !== undefined) {
        clearInterval(looking);
        resolve(fragment);
      }
    }, 100);
  });
}

/** A page of somebody else does not tell where it is. */
function fragmentOf(other: Window): string | undefined {
  try {
    return other.location.href.startsWith(returnAddress) ? other.location.hash.slice(1) : undefined;
  } catch {
    return undefined;
  }
}
