import { access, constants, lstat, mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AllowlistError } from '../problem.ts';
import { unless } from './errno.ts';
import {
  acquireRunLock,
  assertRunLock,
  holdsRunLock,
  type RunLockOptions,
  TreeBusyError,
} from './run-lock.ts';
import { recoverInPlace, replaceInPlace } from './tree-in-place.ts';
import { locateTree, type TreeLocation } from './tree-location.ts';
import { checkTreePaths } from './tree-paths.ts';
import { foldersOf, planChange, type TreeChange, type TreePlan } from './tree-plan.ts';
import { recoverSwap, swapTree } from './tree-swap.ts';

export type { TreeChange } from './tree-plan.ts';

/**
 * Says what a publish would change, and writes nothing; a directory that does not exist is an empty one.
 *
 * `files`: text by relative POSIX path. `managed`: the files that the previous lock named; those that are not in
 * `files` are removed. Throws `AllowlistError` for a path or a place that cannot be used.
 */
export async function planTree(
  directory: string,
  files: ReadonlyMap<string, string>,
  managed: readonly string[],
): Promise<TreeChange> {
  checkTreePaths(files, managed);
  const location = await locateTree(directory);
  const { written, removed, unchanged } = await explained(location, () =>
    planChange(location.directory, files, managed),
  );
  return { written, removed, unchanged };
}

/**
 * Makes the output tree hold `files`, all or nothing; arguments as for `planTree`.
 *
 * Files that neither `files` nor `managed` name (a README, a git directory, other folders) are not touched, a
 * file that keeps its bytes keeps its inode and times, and a publish that changes nothing writes nothing.
 * Everything is staged and flushed to the disk before the switch; an error until then changes nothing.
 *
 * The switch, and what a reader or a killed run can meet:
 * - Normally the whole directory is exchanged by two renames, the new tree having been built beside it with hard
 *   links to what does not change. Who opens a path sees the old tree or the new one; between two successive
 *   system calls (microseconds; Node has no exchanging rename) there is no directory. A run killed there leaves
 *   the old tree beside its place, and `recoverTree` puts it back. The directory gets a new inode: processes
 *   that have it as their working directory keep the old, emptied one, and its extended attributes and access
 *   control lists are not carried over (owner, group and permissions are).
 * - Where that cannot be done (a mount point or a git directory inside, this process's own working directory, a
 *   parent that cannot be written, a file system without hard links, devices or pipes among the files) the files
 *   are renamed one after the other, under a journal. A reader can meet new files beside old ones for as long as
 *   the renames take (milliseconds), each file being whole; so can a run killed there, until `recoverTree`
 *   finishes it.
 *
 * Repairs first what an interrupted publish left. Takes the run lock if this process does not hold it. Missing parents are made. Throws `AllowlistError`.
 */
export async function publishTree(
  directory: string,
  files: ReadonlyMap<string, string>,
  managed: readonly string[],
  options: RunLockOptions = {},
): Promise<TreeChange> {
  checkTreePaths(files, managed);
  const location = await locateTree(directory);
  return explained(location, async () => {
    const glance = await planChange(location.directory, files, managed).catch((error: unknown) => {
      if (error instanceof AllowlistError) throw error;
      // Another run may switch the tree during this look: what the system refused is looked at again under the lock.
      return undefined;
    });
    if (glance !== undefined && changesNothing(glance) && !(await hasRemains(location)))
      return change(glance);
    return locked(location, options, async () => {
      await recoverLocked(location);
      const now = await locateTree(directory);
      const plan = await planChange(now.directory, files, managed);
      if (!changesNothing(plan)) await makeSwitch(now, files, plan);
      return change(plan);
    });
  });
}

/**
 * Repairs what an interrupted publish left in and beside the directory, and says what it did; undefined if there
 * was nothing to repair, or if another run is publishing at this moment. Call it before the tree is read: at the
 * start of a run and of `verify`. Writes nothing if there is nothing to repair.
 *
 * Interrupted before the switch: rolled back. Interrupted in or after it: see `publishTree`. Throws
 * `AllowlistError` if the repair is not possible; it can be tried again.
 */
export async function recoverTree(directory: string): Promise<string | undefined> {
  // What cannot be published to has nothing to repair; whoever reads or publishes it says what is wrong with it.
  const location = await locateTree(directory).catch((error: unknown) => {
    if (error instanceof AllowlistError) return undefined;
    throw error;
  });
  if (location === undefined || !(await hasRemains(location))) return undefined;
  if (holdsRunLock(location)) return explained(location, () => recoverLocked(location));
  const lock = await acquireRunLock(directory, { wait: 0 }).catch((error: unknown) => {
    if (error instanceof TreeBusyError) return undefined;
    throw error;
  });
  if (lock === undefined) return undefined;
  try {
    return await explained(location, () => recoverLocked(location));
  } finally {
    await lock.release();
  }
}

async function hasRemains({ switchFolder, stagingFolder }: TreeLocation): Promise<boolean> {
  for (const folder of [switchFolder, stagingFolder]) {
    const found = await unless(
      ['ENOENT', 'ENOTDIR'],
      access(folder).then(() => true),
    );
    if (found) return true;
  }
  return false;
}

async function recoverLocked(location: TreeLocation): Promise<string | undefined> {
  const whole = await recoverSwap(location);
  const byFile = await recoverInPlace(location);
  return whole === undefined || byFile === undefined ? (whole ?? byFile) : `${whole}; ${byFile}`;
}

async function locked<T>(
  location: TreeLocation,
  options: RunLockOptions,
  work: () => Promise<T>,
): Promise<T> {
  if (holdsRunLock(location)) return work();
  const lock = await acquireRunLock(location.directory, options);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function makeSwitch(
  location: TreeLocation,
  files: ReadonlyMap<string, string>,
  plan: TreePlan,
): Promise<void> {
  await requireWritable(location, plan);
  const stillOurs = (): Promise<void> => assertRunLock(location);
  const made = await mkdir(location.parent, { recursive: true });
  if (await swapTree(location, files, plan, stillOurs)) return;
  if (!location.exists) await mkdir(location.directory);
  try {
    await replaceInPlace(location, files, plan, stillOurs);
  } catch (error) {
    if (!location.exists) await rmdir(location.directory).catch(() => undefined);
    if (made !== undefined) await rmdir(location.parent).catch(() => undefined);
    throw error;
  }
}

/** A folder without the right to write is somebody's will, even where its parent would allow to exchange it. */
async function requireWritable({ directory, exists }: TreeLocation, plan: TreePlan): Promise<void> {
  if (!exists) return;
  const folders = ['', ...foldersOf([...plan.written, ...plan.removed])];
  for (const folder of folders) {
    const path = join(directory, folder);
    const status = await unless(['ENOENT', 'ENOTDIR'], lstat(path));
    if (status?.isDirectory()) await access(path, constants.W_OK | constants.X_OK);
  }
}

/** Turns the operating system's refusals into the product's error. */
async function explained<T>(location: TreeLocation, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error) || cause instanceof AllowlistError) throw cause;
    if (!('code' in cause)) throw cause;
    const where = 'path' in cause && typeof cause.path === 'string' ? cause.path : location.directory;
    throw new AllowlistError(
      `cannot publish to ${location.directory}`,
      [{ where, what: cause.message, next: `look at the rights and the free space of ${dirname(where)}` }],
      { cause },
    );
  }
}

function changesNothing({ written, removed }: TreeChange): boolean {
  return written.length === 0 && removed.length === 0;
}

function change({ written, removed, unchanged }: TreePlan): TreeChange {
  return { written, removed, unchanged };
}
