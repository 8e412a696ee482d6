import type { Stats } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AllowlistError, type Problem } from '../problem.ts';
import { unless } from './errno.ts';

/** What a publish changes: relative POSIX paths, sorted. */
export interface TreeChange {
  /** New, or with other bytes than now. */
  readonly written: readonly string[];
  /** Named by the previous lock, present now, and no longer made. */
  readonly removed: readonly string[];
  readonly unchanged: readonly string[];
}

/** A change with what the switch must know of the entries it replaces. */
export interface TreePlan extends TreeChange {
  /** Permission bits of the files that are replaced. */
  readonly modes: ReadonlyMap<string, number>;
}

const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Compares the directory with the files it shall hold; reads only. Files are compared by their bytes.
 *
 * Throws one `AllowlistError` with everything that stands in the way: a folder where a file shall be, a file that
 * is not ours where a folder shall be, a symbolic link above a file (following it would write outside the tree).
 */
export async function planChange(
  directory: string,
  files: ReadonlyMap<string, string>,
  managed: readonly string[],
): Promise<TreePlan> {
  const problems: Problem[] = [];
  const seen = new Map<string, Promise<Stats | undefined>>();
  const look = (path: string): Promise<Stats | undefined> => {
    const known = seen.get(path) ?? unless(['ENOENT', 'ENOTDIR'], lstat(join(directory, path)));
    seen.set(path, known);
    return known;
  };

  /** The folder above a path through which it must not be reached, and why. */
  const barrier = async (path: string, gone: ReadonlySet<string>): Promise<Problem | undefined> => {
    for (const folder of foldersAbove(path)) {
      const status = await look(folder);
      if (status === undefined || gone.has(folder)) return undefined;
      if (status.isSymbolicLink()) {
        const what = 'a symbolic link stands where the output tree needs a folder';
        return { where: join(directory, folder), what, next: 'replace it by a folder' };
      }
      if (!status.isDirectory()) {
        const what = 'a file that is not part of the output tree stands where it needs a folder';
        return { where: join(directory, folder), what, next: 'move it away' };
      }
    }
    return undefined;
  };

  const removed: string[] = [];
  for (const path of [...new Set(managed)].filter((name) => !files.has(name)).sort(byBytes)) {
    const blocked = await barrier(path, new Set());
    if (blocked?.what.startsWith('a symbolic link')) problems.push(blocked);
    if (blocked !== undefined) continue;
    const status = await look(path);
    // A folder in its place is somebody else's, so there is nothing of ours left to remove.
    if (status !== undefined && (status.isFile() || status.isSymbolicLink())) removed.push(path);
  }

  const gone = new Set(removed);
  const written: string[] = [];
  const unchanged: string[] = [];
  const modes = new Map<string, number>();
  for (const path of [...files.keys()].sort(byBytes)) {
    const blocked = await barrier(path, gone);
    if (blocked !== undefined) {
      problems.push(blocked);
      continue;
    }
    const status = await look(path);
    if (status?.isDirectory() && !(await holdsOnly(directory, path, gone))) {
      const what = 'a folder stands where the output tree needs a file';
      problems.push({ where: join(directory, path), what, next: 'move it away' });
    } else if (status?.isFile()) {
      const same = await holdsText(join(directory, path), status.size, files.get(path) ?? '');
      (same ? unchanged : written).push(path);
      modes.set(path, status.mode & 0o7777);
    } else {
      written.push(path);
    }
  }
  if (problems.length > 0) throw new AllowlistError(`cannot publish to ${directory}`, unique(problems));
  return { written, removed, unchanged, modes };
}

function* foldersAbove(path: string): Generator<string> {
  for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) yield path.slice(0, end);
}

async function holdsText(path: string, size: number, text: string): Promise<boolean> {
  const bytes = Buffer.from(text);
  return bytes.length === size && bytes.equals(await readFile(path));
}

async function holdsOnly(directory: string, folder: string, gone: ReadonlySet<string>): Promise<boolean> {
  for (const entry of await readdir(join(directory, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() ? !(await holdsOnly(directory, path, gone)) : !gone.has(path)) return false;
  }
  return true;
}

function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [problem.where, problem])).values()];
}

/** The folders, deepest first, that can become empty when these files are removed. */
export function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].sort((a, b) => b.length - a.length);
}
