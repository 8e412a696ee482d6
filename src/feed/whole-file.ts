import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Writes a file under another name in `temporaryDirectory`, then renames it: readers, and runs at the same
 * time, see the old file or the new one. Both must be on one file system.
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  temporaryDirectory: string,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await mkdir(temporaryDirectory, { recursive: true });
  const temporary = join(temporaryDirectory, `.${randomUUID()}`);
  try {
    await writeFile(temporary, content, { flag: 'wx' });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}
