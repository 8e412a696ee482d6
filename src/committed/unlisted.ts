import type { Dirent } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lock } from './lock.ts';

/** How deep below the folder of a target anything is looked for. */
const DEEPEST = 8;

/** What every rule file with comments says of itself at its beginning. */
const MARKS = ['azure-allowlist: ', 'Generated; the next run overwrites edits.'];

/** Whether a text is a rule file that a run wrote. */
export function isRuleText(text: string): boolean {
  const beginning = text.slice(0, HEADER);
  return MARKS.every((mark) => beginning.includes(mark));
}

/** How far into a file its header is looked for, in characters. */
const HEADER = 500;

/**
 * What lies in the tree's own folders and no run wrote, sorted: a program that takes in the whole folder would load it.
 * The root of the tree and other folders in it are not the tool's alone: there, what a run wrote once counts, such as the
 * folder of a target that was copied or has been left behind.
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
    const entries = await entriesOf(join(directory, path));
    for (const entry of entries) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory() && depth < DEEPEST) await walk(below, depth + 1);
      // A link, a pipe or a device is as good as a file to whoever reads the folder.
      else if (!Object.hasOwn(files, below)) found.push(below);
    }
  };
  for (const folder of folders) await walk(folder, 1);
  const left = async (path: string, entries: readonly Dirent[]) => {
    for (const entry of entries) {
      const below = join(path, entry.name);
      if (
        entry.isFile() &&
        !Object.hasOwn(files, below) &&
        isRuleText(await beginningOf(join(directory, below)))
      )
        found.push(below);
    }
  };
  const root = await entriesOf(directory);
  await left('', root);
  for (const entry of root)
    if (entry.isDirectory() && !folders.has(entry.name))
      await left(entry.name, await entriesOf(join(directory, entry.name)));
  return found.sort();
}

function entriesOf(directory: string): Promise<Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(() => []);
}

/** The first characters of a file; empty where it cannot be read. */
async function beginningOf(path: string): Promise<string> {
  const handle = await open(path).catch(() => undefined);
  if (handle === undefined) return '';
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(HEADER) });
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  } finally {
    await handle.close();
  }
}
