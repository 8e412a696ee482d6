import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Looks for a repository itself: git may be missing, or refuse to look. */
export async function isBelowRepository(directory: string): Promise<boolean> {
  return (await repositoryAbove(directory)) !== undefined;
}

/** The environment that git is started with. */
export type GitEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Whether git could find a repository from there: where it could not, nobody need start it. Its environment may name one
 * that lies elsewhere.
 */
export async function mayHaveRepository(directory: string, { GIT_DIR }: GitEnvironment): Promise<boolean> {
  return GIT_DIR !== undefined || isBelowRepository(directory);
}

/** A working tree of git, found without git. */
export interface Repository {
  /** The top folder of the working tree. */
  readonly top: string;
  /** Its `.git`: a folder, or the file of a linked working tree or a submodule. */
  readonly entry: string;
}

/** The nearest working tree that a path lies in, itself included; undefined if there is none. */
export async function repositoryAbove(directory: string): Promise<Repository | undefined> {
  for (let top = resolve(directory); ; top = dirname(top)) {
    const entry = join(top, '.git');
    if ((await kindOf(entry)) !== undefined) return { top, entry };
    if (top === dirname(top)) return undefined;
  }
}

/**
 * The git directory of a working tree, as `git rev-parse --absolute-git-dir` says it: of a linked one its own. Undefined
 * where it is not there.
 */
export async function gitFolderOf({ top, entry }: Repository): Promise<string | undefined> {
  if ((await kindOf(entry)) === 'folder') return entry;
  const text = await readFile(entry, 'utf8').catch(() => '');
  const path = /^gitdir: (.+)$/m.exec(text)?.[1];
  const folder = path === undefined ? undefined : resolve(top, path);
  return folder !== undefined && (await kindOf(folder)) === 'folder' ? folder : undefined;
}

async function kindOf(path: string): Promise<'folder' | 'file' | undefined> {
  return stat(path).then(
    (status) => (status.isDirectory() ? 'folder' : 'file'),
    () => undefined,
  );
}
