import { renameSync } from 'node:fs';
import {
  access,
  chmod,
  chown,
  constants,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  utimes,
} from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { stageFiles, syncFolder, writeDurably } from './durable.ts';
import { errorCode, unless } from './errno.ts';
import type { TreeLocation } from './tree-location.ts';
import { foldersOf, type TreePlan } from './tree-plan.ts';

/**
 * The whole-directory switch: the next tree is built beside the directory, then two renames put it in its place.
 *
 *     .NAME.azure-allowlist/next      the new tree; what does not change is a hard link to what is there now
 *     .NAME.azure-allowlist/journal.json   written when `next` is complete and on the disk
 *     .NAME.azure-allowlist/previous  the old tree, from the first rename until it is removed
 */
interface SwapJournal {
  /** What the switch replaces or removes: the old files that are not carried over. */
  readonly replaced: readonly string[];
  /** The entries that `next` took over, each with what identified it then. */
  readonly carried: Readonly<Record<string, string>>;
}

const NEXT = 'next';
const PREVIOUS = 'previous';
const JOURNAL = 'journal.json';
/** Beyond this many entries linking them all takes longer than it is worth. */
const MOST_ENTRIES = 20_000;

/** This tree, or this file system, cannot be switched as a whole. */
class Unswappable extends Error {}

const REFUSALS = ['EXDEV', 'EBUSY', 'EPERM', 'EACCES', 'EROFS', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Publishes by whole-directory switch; false, with nothing changed, where that is not possible: a mount point, a
 * git directory or the working directory inside, a parent that cannot be written, no hard links, odd entries.
 */
export async function swapTree(
  location: TreeLocation,
  files: ReadonlyMap<string, string>,
  plan: TreePlan,
  beforeSwitch: () => Promise<void>,
): Promise<boolean> {
  const { directory, parent, exists, switchFolder } = location;
  const next = join(switchFolder, NEXT);
  const previous = join(switchFolder, PREVIOUS);
  const replaced = [...plan.written, ...plan.removed];
  try {
    if (exists) await requireSwappable(location);
    await mkdir(switchFolder, { mode: 0o700 });
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
  let stage: 'building' | 'moved' | 'switched' = 'building';
  try {
    await mkdir(next);
    const carried = exists
      ? await mirror(directory, next, new Set(replaced))
      : new Map<string, CarriedEntry>();
    const staged = plan.written.map((path) => ({
      path,
      text: files.get(path) ?? '',
      mode: plan.modes.get(path),
    }));
    await stageFiles(next, staged);
    for (const folder of foldersOf(plan.removed)) {
      await unless(['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR'], rmdir(join(next, folder)));
    }
    await restoreFolders(next, carried, new Set(foldersOf(replaced)));
    const journal: SwapJournal = {
      replaced,
      carried: Object.fromEntries([...carried].map(([path, { identity }]) => [path, identity])),
    };
    await writeDurably(join(switchFolder, `${JOURNAL}.new`), JSON.stringify(journal));
    await rename(join(switchFolder, `${JOURNAL}.new`), join(switchFolder, JOURNAL));
    await syncFolder(switchFolder);
    await syncFolder(parent);
    await beforeSwitch();
    // Synchronous, so that nothing but the two system calls lies in the window without a directory.
    if (exists) renameSync(directory, previous);
    stage = 'moved';
    try {
      renameSync(next, directory);
    } catch (error) {
      if (exists) renameSync(previous, directory);
      stage = 'building';
      throw error;
    }
    stage = 'switched';
    await syncFolder(parent);
    await syncFolder(switchFolder);
    await clearAway(location, journal);
    return true;
  } catch (error) {
    // The new tree is in place and whole; what remains of the old one is cleared away by the next run.
    if (stage === 'switched') return true;
    // The old tree is in `previous` and nowhere else: the next run puts it back.
    if (stage === 'moved') throw error;
    await discard(switchFolder);
    if (isRefusal(error)) return false;
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Unswappable || REFUSALS.includes(errorCode(error) ?? '');
}

/** The journal goes first: without it what is left is a publish that never began. */
async function discard(switchFolder: string): Promise<void> {
  await rm(join(switchFolder, JOURNAL), { force: true });
  await rm(switchFolder, { recursive: true, force: true });
}

/**
 * Repairs what an interrupted switch left, and says so; undefined if there was nothing.
 *
 * Before the second rename the old tree is put back; after it the new one stands and the old one is cleared away.
 */
export async function recoverSwap(location: TreeLocation): Promise<string | undefined> {
  const { directory, parent, switchFolder } = location;
  const names = await unless(['ENOENT'], readdir(switchFolder));
  if (names === undefined) return undefined;
  const previous = join(switchFolder, PREVIOUS);
  const interrupted = `an interrupted publish to ${directory} was`;
  if (!names.includes(PREVIOUS)) {
    const switched = names.includes(JOURNAL) && !names.includes(NEXT);
    await discard(switchFolder);
    return switched ? `${interrupted} finished` : `${interrupted} rolled back; the tree is the one before it`;
  }
  if (!names.includes(NEXT) && location.exists) {
    await clearAway(location, await readJournal(switchFolder));
    return `${interrupted} finished; the old tree was cleared away`;
  }
  // An empty directory that somebody made since is no tree.
  if (location.exists) await unless(['ENOTEMPTY', 'EEXIST'], rmdir(directory));
  if ((await unless(['ENOENT'], lstat(directory))) === undefined) {
    await rename(previous, directory);
    await syncFolder(parent);
    await discard(switchFolder);
    return `${interrupted} rolled back; the tree before it was put back in its place`;
  }
  await clearAway(location, { replaced: [], carried: {} });
  return `${interrupted} dropped: the directory was made anew since; what it lacked of the old tree was put back`;
}

async function readJournal(switchFolder: string): Promise<SwapJournal> {
  // Only this program writes it, whole and flushed before `previous` can exist.
  return JSON.parse(await readFile(join(switchFolder, JOURNAL), 'utf8')) as SwapJournal;
}

/** The journal goes last: it tells that the switch was made. */
async function clearAway(location: TreeLocation, journal: SwapJournal): Promise<void> {
  const previous = join(location.switchFolder, PREVIOUS);
  await carryLateEntries(previous, location.directory, '', journal, new Set(journal.replaced));
  await rm(join(location.switchFolder, NEXT), { recursive: true, force: true });
  await rm(previous, { recursive: true, force: true });
  await rm(location.switchFolder, { recursive: true, force: true });
}

async function requireSwappable({ directory, parent }: TreeLocation): Promise<void> {
  const [own, above] = [await stat(directory), await stat(parent)];
  if (own.dev !== above.dev) throw new Unswappable('a mount point');
  const here = process.cwd();
  if (here === directory || here.startsWith(directory + sep)) throw new Unswappable('the working directory');
}

interface CarriedEntry {
  readonly identity: string;
  readonly folder: { readonly mode: number; readonly atime: Date; readonly mtime: Date } | undefined;
}

/** Takes over every entry but `left`, files as hard links, and returns what it took by relative path. */
async function mirror(
  from: string,
  to: string,
  left: ReadonlySet<string>,
): Promise<Map<string, CarriedEntry>> {
  const carried = new Map<string, CarriedEntry>();
  const visit = async (folder: string): Promise<void> => {
    const source = join(from, folder);
    await access(source, constants.R_OK | constants.W_OK | constants.X_OK);
    const status = await stat(source);
    const made = await stat(join(to, folder));
    if (made.uid !== status.uid || made.gid !== status.gid) {
      await chown(join(to, folder), status.uid, status.gid);
    }
    const { mode, atime, mtime } = status;
    carried.set(folder, { identity: 'folder', folder: { mode: mode & 0o7777, atime, mtime } });
    for (const entry of await readdir(source, { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (left.has(path)) continue;
      if (entry.name === '.git') throw new Unswappable('a git directory');
      if (carried.size >= MOST_ENTRIES) throw new Unswappable('too many entries');
      if (entry.isDirectory()) {
        await mkdir(join(to, path));
        await visit(path);
      } else {
        await takeOver(join(from, path), join(to, path));
        carried.set(path, { identity: await identify(join(to, path)), folder: undefined });
      }
    }
  };
  await visit('');
  return carried;
}

async function takeOver(from: string, to: string): Promise<void> {
  const status = await lstat(from);
  if (status.isFile()) await link(from, to);
  else if (status.isSymbolicLink()) await symlink(await readlink(from), to);
  else throw new Unswappable('neither a file, a folder nor a link');
}

async function identify(path: string): Promise<string> {
  const status = await lstat(path, { bigint: true });
  if (status.isDirectory()) return 'folder';
  return status.isSymbolicLink() ? `link ${await readlink(path)}` : `file ${status.ino}`;
}

/** Gives the taken-over folders their permissions back, and their times where nothing in them changes. */
async function restoreFolders(
  next: string,
  carried: ReadonlyMap<string, CarriedEntry>,
  changed: ReadonlySet<string>,
): Promise<void> {
  for (const [path, { folder }] of [...carried].reverse()) {
    if (folder === undefined) continue;
    const target = join(next, path);
    if (
      (await unless(
        ['ENOENT', 'ENOTDIR'],
        chmod(target, folder.mode).then(() => true),
      )) === undefined
    )
      continue;
    if (path !== '' && !changed.has(path)) await utimes(target, folder.atime, folder.mtime);
  }
}

/**
 * Carries over what somebody else put into the old tree between the mirroring and the switch: new entries, and
 * files that were replaced as editors do. What the tool manages is not carried, the new tree has it.
 */
async function carryLateEntries(
  from: string,
  to: string,
  folder: string,
  journal: SwapJournal,
  replaced: ReadonlySet<string>,
): Promise<void> {
  for (const name of (await unless(['ENOENT'], readdir(join(from, folder)))) ?? []) {
    const path = folder === '' ? name : `${folder}/${name}`;
    if (replaced.has(path)) continue;
    const known = Object.hasOwn(journal.carried, path) ? journal.carried[path] : undefined;
    const found = await identify(join(from, path));
    const standing = await unless(['ENOENT', 'ENOTDIR'], identify(join(to, path)));
    if (found === 'folder' && (known !== undefined || standing === 'folder')) {
      await carryLateEntries(from, to, path, journal, replaced);
    } else if (known === undefined ? standing === undefined : known !== found && standing === known) {
      await mkdir(dirname(join(to, path)), { recursive: true });
      await rename(join(from, path), join(to, path));
    }
  }
}
