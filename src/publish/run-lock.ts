import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { lstat, mkdir, rmdir, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AllowlistError } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { errorCode, unless } from './errno.ts';
import { isRunning, markOf, type ProcessMark, parseMark, parseWhole } from './process-mark.ts';
import { locateTree, type TreeLocation } from './tree-location.ts';

/** The right to change one output tree, held by one run at a time. */
export interface RunLock {
  /** The lock file. */
  readonly path: string;
  /** Throws `AllowlistError` if another run has taken the lock over. */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

export interface RunLockOptions {
  /** Milliseconds to wait for another run to end; 0 does not wait. */
  readonly wait?: number;
  readonly signal?: AbortSignal;
  /** Told once, when the run starts to wait and when it takes over a dead run's lock. */
  readonly report?: (line: string) => void;
}

/** Another run holds the lock of the output tree. */
export class TreeBusyError extends AllowlistError {
  override readonly name = 'TreeBusyError';
}

/** What a lock file says; nothing of it reaches the output tree. */
interface Holder extends ProcessMark {
  readonly token: string;
}

const DEFAULT_WAIT = 60_000;
const POLL = 100;
const BEAT = 20_000;
/** A lock whose process cannot be looked up from here is dead after this many silent milliseconds. */
const SILENT = 120_000;
/** A lock that cannot be read is being written; after this many milliseconds its writer has died over it. */
const BLANK = 5_000;

/** The locks that this process holds, by lock file. */
const held = new Map<string, RunLock & { readonly token: string }>();

/** True if this process holds the lock of that tree. */
export function holdsRunLock(location: TreeLocation): boolean {
  return location.lockFiles.some((path) => held.has(path));
}

/** Throws `AllowlistError` if the lock that this process took for that tree is no longer its own. */
export async function assertRunLock(location: TreeLocation): Promise<void> {
  for (const path of location.lockFiles) await held.get(path)?.assertHeld();
}

/**
 * Takes the lock of an output tree, so that two runs never interleave on it.
 *
 * The lock is a file in git's directory where the tree lies in a working tree, else beside the directory (inside it where
 * its parent cannot be written), created exclusively. A lock whose process is dead is taken over at once; where that cannot be known (another host or container on a
 * shared volume) when it has shown no life for two minutes. Throws `TreeBusyError` after `wait` milliseconds
 * (60 s unless told), and what the signal's reason is when it aborts.
 *
 * The lock is advisory: it binds this program only. A takeover is not one atomic step on any file system, hence
 * `assertHeld` right before a switch.
 */
export async function acquireRunLock(directory: string, options: RunLockOptions = {}): Promise<RunLock> {
  const location = await locateTree(directory);
  const { wait = DEFAULT_WAIT, signal, report } = options;
  const deadline = performance.now() + wait;
  let waiting = false;
  for (;;) {
    signal?.throwIfAborted();
    const created = await create(location);
    if (created !== undefined) return created;
    const rival = await findRival(location);
    if (rival === undefined) continue;
    if (rival.dead) {
      if (takeAway(rival)) report?.(`took over the lock of a run that has died (${rival.who})`);
      continue;
    }
    if (performance.now() >= deadline) {
      throw new TreeBusyError(`another run is using ${location.directory}`, [
        {
          where: rival.path,
          what: `held by ${rival.who}`,
          next: 'wait for it to end; if there is no such run, remove this file',
        },
      ]);
    }
    if (!waiting) report?.(`waiting for another run on ${location.directory} (${rival.who})`);
    waiting = true;
    await sleep(POLL, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}

/** Runs `work` under the lock of an output tree; see `acquireRunLock`. */
export async function withRunLock<T>(
  directory: string,
  options: RunLockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await acquireRunLock(directory, options);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function create(location: TreeLocation): Promise<RunLock | undefined> {
  for (const path of location.lockFiles) {
    // A lock that stands elsewhere counts as well: a run with lesser rights put it there.
    for (const other of location.lockFiles)
      if (other !== path && (await readHolder(other)) !== undefined) return undefined;
    const isInGit = location.gitFolder !== undefined && dirname(path) === location.gitFolder;
    const made = isInGit || location.exists ? undefined : await makeParents(location);
    try {
      return await createAt(path, made);
    } catch (cause) {
      const isLast = path === location.lockFiles.at(-1);
      if (isLast || !['EACCES', 'EROFS', 'EPERM'].includes(errorCode(cause) ?? ''))
        throw cannotLock(location, cause);
    }
  }
  throw new Error('a tree has at least one place for its lock');
}

async function makeParents(location: TreeLocation): Promise<string | undefined> {
  try {
    return await mkdir(location.parent, { recursive: true });
  } catch (cause) {
    throw cannotLock(location, cause);
  }
}

function cannotLock(location: TreeLocation, cause: unknown): AllowlistError {
  const where = location.exists ? location.directory : location.parent;
  const what = errorCode(cause) === 'EROFS' ? 'the file system is read-only' : (cause as Error).message;
  const next =
    errorCode(cause) === 'ENOSPC'
      ? `make room on the disk of ${where}`
      : 'the run needs the right to write there';
  return new AllowlistError(
    `cannot write to the output directory ${location.directory}`,
    [{ where, what, next }],
    {
      cause,
    },
  );
}

/** `made`: the topmost folder that had to be made for the lock; folders left empty go with it. */
async function createAt(path: string, made: string | undefined): Promise<RunLock | undefined> {
  const holder: Holder = { token: randomUUID(), ...markOf(process.pid) };
  if (!createFile(path, `${JSON.stringify(holder)}\n`)) return undefined;
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, BEAT);
  beat.unref();

  const isOurs = async (): Promise<boolean> => (await readHolder(path))?.holder?.token === holder.token;
  const lock = {
    path,
    token: holder.token,
    assertHeld: async (): Promise<void> => {
      if (await isOurs()) return;
      throw new AllowlistError('another run has taken this run’s lock away', [
        { where: path, what: 'the lock is no longer this run’s', next: 'run again' },
      ]);
    },
    release: async (): Promise<void> => {
      clearInterval(beat);
      // In one go: between a look and an unlink that are apart, another run of this process could take the
      // lock for a dead one's, and lose its own to our unlink.
      removeOwn(path, holder.token);
      if (held.get(path)?.token === holder.token) held.delete(path);
      if (made !== undefined) await removeEmpty(dirname(path), made);
    },
  };
  held.set(path, lock);
  return lock;
}

/**
 * False if the file exists. Synchronous, so that a run is hardly ever killed between the two steps; what is left then
 * cannot be read, and counts as dead after `BLANK`.
 */
function createFile(path: string, text: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(file, text);
    return true;
  } catch (error) {
    // On a full disk an empty file would keep the next run waiting.
    unlinkSync(path);
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Removes the lock file if it is still the one of that token. */
function removeOwn(path: string, token: string): void {
  try {
    if (parseHolder(readFileSync(path, 'utf8'))?.token === token) unlinkSync(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) throw error;
  }
}

/** Removes the folders from `bottom` up to `top` as long as they are empty. */
async function removeEmpty(bottom: string, top: string): Promise<void> {
  for (let folder = bottom; folder.startsWith(top); folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      return;
    }
  }
}

interface Rival {
  readonly path: string;
  readonly holder: Holder | undefined;
  readonly who: string;
  readonly dead: boolean;
}

async function findRival(location: TreeLocation): Promise<Rival | undefined> {
  for (const path of location.lockFiles) {
    const found = await readHolder(path);
    if (found === undefined) continue;
    const { holder, silent } = found;
    const who = holder === undefined ? 'an unreadable lock' : `process ${holder.pid}`;
    return { path, holder, who, dead: holder === undefined ? silent > BLANK : isDead(path, holder, silent) };
  }
  return undefined;
}

function isDead(path: string, holder: Holder, silent: number): boolean {
  const running = isRunning(holder);
  if (running === undefined) return silent > SILENT;
  if (running && holder.pid === process.pid) return held.get(path)?.token !== holder.token;
  return !running;
}

/** Undefined if there is no lock; a `holder` undefined if it cannot be read, as in the instant of its creation. */
async function readHolder(path: string): Promise<{ holder: Holder | undefined; silent: number } | undefined> {
  const gone = ['ENOENT', 'ENOTDIR'];
  const status = await unless(gone, lstat(path));
  if (status === undefined) return undefined;
  // No run makes a link, and behind one that leads nowhere no file can be made.
  if (status.isSymbolicLink()) throw notALock(path, 'a symbolic link');
  const text = await unless(gone, readRegularText(path)).catch((error: unknown) => {
    throw errorCode(error) === 'ENOTFILE' ? notALock(path, (error as { kind?: string }).kind ?? '') : error;
  });
  if (text === undefined) return undefined;
  return { holder: parseHolder(text), silent: Date.now() - status.mtimeMs };
}

function notALock(path: string, kind: string): AllowlistError {
  return new AllowlistError('the lock of a run cannot be made', [
    { where: path, what: `it is ${kind}, not a file`, next: 'move it away' },
  ]);
}

function parseHolder(text: string): Holder | undefined {
  const value = parseWhole(text);
  const mark = parseMark(value);
  const token = (value as { token?: unknown } | null | undefined)?.token;
  return mark === undefined || typeof token !== 'string' ? undefined : { token, ...mark };
}

/**
 * Takes a dead run's lock file out of the way; false if another run was faster. The file is moved before it is
 * judged again, so that of two runs only one can hold it in its hands, and a live lock that slipped in is put back.
 */
function takeAway(rival: Rival): boolean {
  const aside = `${rival.path}.${randomUUID()}`;
  try {
    renameSync(rival.path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
  const dead = parseHolder(readFileSync(aside, 'utf8'))?.token === rival.holder?.token;
  if (dead) unlinkSync(aside);
  else renameSync(aside, rival.path);
  return dead;
}
