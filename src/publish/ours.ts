import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AllowlistError, type Problem } from '../problem.ts';
import { unless } from './errno.ts';

/** Files that earlier runs wrote by their locks, and where a run may write at all. */
export interface EarlierFiles {
  /** Digests by path, of every lock that names the path: what a run wrote there. */
  readonly digests: ReadonlyMap<string, readonly string[]>;
  /** Folders and files of the tree that a run writes; nothing else is removed, whatever a lock names. */
  readonly own: ReadonlySet<string>;
}

/**
 * Checks before the first byte is written that nothing is removed but what a run wrote: in its own folders, and with
 * the bytes that a lock names. A lock is a file that anybody who can edit the repository may have edited.
 * @param removed paths that locks name and this run does not make
 * @param digest SHA-256, in hex, of a file's text
 * @throws AllowlistError listing every file that would have been removed and is not ours
 */
export async function requireOurs(
  directory: string,
  removed: readonly string[],
  { digests, own }: EarlierFiles,
  digest: (text: string) => string,
): Promise<void> {
  const problems: Problem[] = [];
  for (const path of removed) {
    const where = join(directory, path);
    if (!own.has(path.split('/', 1)[0]!)) {
      problems.push({
        where,
        what: 'a lock names it, but no run writes there',
        next: 'restore the lock from the repository; if a target of that name is gone, remove its folder by hand',
      });
      continue;
    }
    const status = await unless(['ENOENT', 'ENOTDIR'], lstat(where));
    if (status === undefined) continue;
    const text = status.isFile() ? await readFile(where, 'utf8') : undefined;
    const known = digests.get(path) ?? [];
    // Line ends that git turned around on checkout are no edit.
    const isOurs =
      text !== undefined && [text, text.replaceAll('\r\n', '\n')].some((one) => known.includes(digest(one)));
    if (!isOurs)
      problems.push({
        where,
        what: text === undefined ? 'is no file' : 'was edited after a run wrote it, and is no longer made',
        next: 'move it away, or remove it by hand',
      });
  }
  if (problems.length > 0)
    throw new AllowlistError(`files in ${directory} would be removed that are not this program's`, problems);
}

/**
 * Checks before the first byte is written that a file at a name which other programs use as well is one of ours.
 * @param marks by path, what every such file of a run has in it
 * @throws AllowlistError listing the files that a run would overwrite and did not write
 */
export async function requireNotForeign(
  directory: string,
  marks: ReadonlyMap<string, string>,
  digests: EarlierFiles['digests'],
): Promise<void> {
  const problems: Problem[] = [];
  for (const [path, mark] of marks) {
    if (digests.has(path)) continue;
    const where = join(directory, path);
    const status = await unless(['ENOENT', 'ENOTDIR'], lstat(where));
    if (status?.isFile() !== true || (await readFile(where, 'utf8')).includes(mark)) continue;
    problems.push({ where, what: 'no run wrote it, and a run would overwrite it', next: 'move it away' });
  }
  if (problems.length > 0)
    throw new AllowlistError(
      `files in ${directory} would be overwritten that are not this program's`,
      problems,
    );
}
