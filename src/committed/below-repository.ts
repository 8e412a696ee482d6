import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Looks for a repository itself: git may be missing, or refuse to look. */
export async function isBelowRepository(directory: string): Promise<boolean> {
  for (let at = resolve(directory); ; at = dirname(at)) {
    if (
      await stat(join(at, '.git')).then(
        () => true,
        () => false,
      )
    )
      return true;
    if (at === dirname(at)) return false;
  }
}
