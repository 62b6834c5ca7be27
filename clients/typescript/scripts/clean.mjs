// Removes what earlier builds left, so that a deleted source is not shipped.
import { rm } from 'node:fs/promises';

for (const folder of ['dist', 'build']) {
  await rm(new URL(`../${folder}`, import.meta.url), { recursive: true, force: true });
}
