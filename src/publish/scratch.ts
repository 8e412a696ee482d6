import { readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openGit } from '../committed/git-read.ts';
import { errorCode } from './errno.ts';
import { isRunning, markOf, parseMark, parseWhole } from './process-mark.ts';
import { isScratch, locateTree, SCRATCH_PREFIX } from './tree-location.ts';

/** Says in a scratch folder which process made it, for which output tree. */
const OWNER = 'owner.json';
/** Where a scratch folder holds a working tree of its own. */
export const WORK_TREE = 'tree';
/** A folder without an owner after this many milliseconds was left between the two. */
const UNOWNED = 120_000;

/**
 * Runs the work with a folder of its own in git's directory: where git can commit, it can be written, and no commit takes
 * it along. The folder goes with the work, however that ends.
 * @param directory the output tree that the work is for
 * @param gitFolder where the folder is made
 */
export async function withScratch<T>(
  directory: string,
  gitFolder: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(gitFolder, SCRATCH_PREFIX));
  try {
    writeFileSync(
      join(folder, OWNER),
      JSON.stringify({ directory: resolve(directory), ...markOf(process.pid) }),
    );
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Removes the scratch folders that killed runs on this output tree have left in git's directory, a working tree in one
 * included. Nothing else there is touched: not what this program did not name and mark, nor what a live process holds.
 * Call it under the run lock: whoever held the lock before has ended, wherever it ran.
 * @returns what was removed
 */
export async function clearScratch(directory: string): Promise<string[]> {
  const { gitFolder } = await locateTree(directory);
  if (gitFolder === undefined) return [];
  const removed: string[] = [];
  for (const name of readdirSync(gitFolder).filter(isScratch)) {
    const folder = join(gitFolder, name);
    if (isLeft(folder, resolve(directory))) {
      // git forgets the working tree with its folder; where it has none, or cannot be started, nothing is lost.
      const git = await openGit(gitFolder, {});
      await git
        .raw(['worktree', 'remove', '--force', '--force', join(folder, WORK_TREE)])
        .catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
      removed.push(folder);
    } else if (isUnowned(folder)) {
      rmdirSync(folder);
      removed.push(folder);
    }
  }
  return removed;
}

/** Whether the process that made the folder is dead; of one that cannot be looked up from here, by the run lock. */
function isLeft(folder: string, directory: string): boolean {
  let owner: unknown;
  try {
    owner = parseWhole(readFileSync(join(folder, OWNER), 'utf8'));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
  const mark = parseMark(owner);
  if (mark === undefined) return false;
  const running = isRunning(mark);
  return running === undefined ? (owner as { directory?: unknown }).directory === directory : !running;
}

/** Empty, and older than the moment between the folder and its owner's mark. */
function isUnowned(folder: string): boolean {
  const status = statSync(folder);
  return status.isDirectory() && readdirSync(folder).length === 0 && Date.now() - status.mtimeMs > UNOWNED;
}
