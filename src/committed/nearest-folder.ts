import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** The nearest folder above a path, or the path itself, that is there. */
export async function nearestFolder(path: string): Promise<string> {
  const absolute = resolve(path);
  const found = await stat(absolute).catch(() => undefined);
  return found?.isDirectory() === true || dirname(absolute) === absolute
    ? absolute
    : nearestFolder(dirname(absolute));
}
