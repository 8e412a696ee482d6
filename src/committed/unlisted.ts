import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lock } from './lock.ts';

/** How deep below the folder of a target anything is looked for. */
const DEEPEST = 8;

/**
 * What lies in the tree's own folders and no run wrote, sorted: a program that takes in the whole folder would load it.
 * The root of the tree is not the tool's alone.
 * @returns paths below the directory
 */
export async function unlistedFiles(
  directory: string,
  { files, targets }: Pick<Lock, 'files' | 'targets'>,
): Promise<string[]> {
  const folders = new Set([
    'snapshot',
    ...Object.keys(targets),
    ...Object.keys(files).flatMap((path) => (path.includes('/') ? [path.split('/')[0]!] : [])),
  ]);
  const found: string[] = [];
  const walk = async (path: string, depth: number): Promise<void> => {
    const entries = await readdir(join(directory, path), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory() && depth < DEEPEST) await walk(below, depth + 1);
      // A link, a pipe or a device is as good as a file to whoever reads the folder.
      else if (!Object.hasOwn(files, below)) found.push(below);
    }
  };
  for (const folder of folders) await walk(folder, 1);
  return found.sort();
}
