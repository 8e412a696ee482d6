import { readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unless } from './errno.ts';
import { publishTree } from './tree.ts';

/** What takes a publish back: the files become what they were, and those that were not there go. */
export type TakeBack = () => Promise<void>;

/**
 * Remembers the files of an output tree as they lie on the disk, before a publish whose commit may be refused. Called under the
 * run lock.
 * @param paths all that the publish writes or removes, relative to the directory
 * @returns undefined where a file is no text, which this tool never writes: it is not touched twice
 */
export async function rememberTree(
  directory: string,
  paths: Iterable<string>,
): Promise<TakeBack | undefined> {
  const before = new Map<string, string>();
  const touched = [...new Set(paths)];
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (const path of touched) {
    const bytes = await unless(['ENOENT', 'ENOTDIR'], readFile(join(directory, path)));
    if (bytes === undefined) continue;
    try {
      before.set(path, decoder.decode(bytes));
    } catch {
      return undefined;
    }
  }
  return async () => {
    await publishTree(directory, before, touched);
    // Of a first run nothing is left, the folder neither, unless something else lies in it.
    if (before.size === 0) await rmdir(directory).catch(() => undefined);
  };
}
