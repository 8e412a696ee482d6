import { createHash } from 'node:crypto';
import { lstat, mkdir, readFile, readlink, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AllowlistError } from '../problem.ts';
import { stageFiles, syncFolder, writeDurably } from './durable.ts';
import { unless } from './errno.ts';
import type { TreeLocation } from './tree-location.ts';
import { foldersOf, type TreePlan } from './tree-plan.ts';

/**
 * The file-by-file switch: everything is staged inside the directory, then a journal is written, then files are
 * renamed into their places one after the other. An interrupted one is rolled forward.
 *
 *     NAME/.azure-allowlist/next          the new files
 *     NAME/.azure-allowlist/journal.json  written when `next` is complete and on the disk
 */
interface InPlaceJournal {
  readonly writes: readonly { readonly path: string; readonly before: string; readonly after: string }[];
  readonly removes: readonly { readonly path: string; readonly before: string }[];
}

const NEXT = 'next';
const JOURNAL = 'journal.json';
const ABSENT = 'absent';

/** Publishes file by file; throws with nothing changed if the new files cannot be staged. */
export async function replaceInPlace(
  location: TreeLocation,
  files: ReadonlyMap<string, string>,
  plan: TreePlan,
  beforeSwitch: () => Promise<void>,
): Promise<void> {
  const { directory, stagingFolder } = location;
  try {
    await mkdir(stagingFolder, { mode: 0o700 });
    const staged = plan.written.map((path) => ({
      path,
      text: files.get(path) ?? '',
      mode: plan.modes.get(path),
    }));
    await stageFiles(join(stagingFolder, NEXT), staged);
    await requireRenames(location, plan);
    const journal: InPlaceJournal = {
      writes: await Promise.all(
        staged.map(async ({ path, text }) => ({
          path,
          before: await fingerprint(join(directory, path)),
          after: digest(Buffer.from(text)),
        })),
      ),
      removes: await Promise.all(
        plan.removed.map(async (path) => ({ path, before: await fingerprint(join(directory, path)) })),
      ),
    };
    await writeDurably(join(stagingFolder, `${JOURNAL}.new`), JSON.stringify(journal));
    await beforeSwitch();
    await rename(join(stagingFolder, `${JOURNAL}.new`), join(stagingFolder, JOURNAL));
  } catch (error) {
    await rm(stagingFolder, { recursive: true, force: true });
    throw error;
  }
  await syncFolder(stagingFolder);
  await rollForward(location, await readJournal(stagingFolder));
}

/**
 * Finishes what an interrupted publish began, and says so; undefined if there was nothing.
 *
 * If somebody has changed the files concerned since (checked out another revision, say), the tree is theirs: the
 * interrupted publish is dropped, and the next run compares with what stands there.
 */
export async function recoverInPlace(location: TreeLocation): Promise<string | undefined> {
  const { directory, stagingFolder } = location;
  if ((await unless(['ENOENT', 'ENOTDIR'], lstat(stagingFolder))) === undefined) return undefined;
  const journal = await unless(['ENOENT'], readJournal(stagingFolder));
  if (journal === undefined) {
    await rm(stagingFolder, { recursive: true, force: true });
    return `an interrupted publish to ${directory} was rolled back; the tree is the one before it`;
  }
  if (await standsAsLeft(location, journal)) {
    await rollForward(location, journal);
    return `an interrupted publish to ${directory} was finished`;
  }
  await dropJournal(stagingFolder);
  return `an interrupted publish to ${directory} was dropped: its files have been changed since`;
}

async function readJournal(stagingFolder: string): Promise<InPlaceJournal> {
  // Only this program writes it, whole and flushed before it has this name.
  return JSON.parse(await readFile(join(stagingFolder, JOURNAL), 'utf8')) as InPlaceJournal;
}

async function standsAsLeft(
  { directory, stagingFolder }: TreeLocation,
  journal: InPlaceJournal,
): Promise<boolean> {
  for (const { path, before, after } of journal.writes) {
    const staged = (await fingerprint(join(stagingFolder, NEXT, path))) === after;
    const now = await fingerprint(join(directory, path));
    // A path whose parent was a file that is already removed, or a folder that is already pruned, is absent.
    if (staged ? now !== before && now !== ABSENT : now !== after) return false;
  }
  for (const { path, before } of journal.removes) {
    const now = await fingerprint(join(directory, path));
    const becameFolder =
      now === 'folder' && journal.writes.some((write) => write.path.startsWith(`${path}/`));
    if (now !== before && now !== ABSENT && !becameFolder) return false;
  }
  return true;
}

async function rollForward(
  { directory, stagingFolder }: TreeLocation,
  journal: InPlaceJournal,
): Promise<void> {
  const removes = journal.removes.map(({ path }) => path);
  const writes = journal.writes.map(({ path }) => path);
  // Removals first: a file can become a folder, and a folder a file.
  for (const path of removes) {
    const status = await unless(['ENOENT', 'ENOTDIR'], lstat(join(directory, path)));
    if (status !== undefined && !status.isDirectory()) await unlink(join(directory, path));
  }
  for (const folder of foldersOf(removes)) {
    await unless(['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR'], rmdir(join(directory, folder)));
  }
  for (const folder of foldersOf(writes).reverse()) await mkdir(join(directory, folder), { recursive: true });
  for (const path of writes) {
    await unless(['ENOENT'], rename(join(stagingFolder, NEXT, path), join(directory, path)));
  }
  for (const folder of new Set([...writes, ...removes].map((path) => dirname(path)))) {
    await unless(['ENOENT', 'ENOTDIR'], syncFolder(join(directory, folder)));
  }
  await dropJournal(stagingFolder);
}

/** The journal goes last: without it what is left would be taken for a publish that never began. */
async function dropJournal(stagingFolder: string): Promise<void> {
  await rm(join(stagingFolder, NEXT), { recursive: true, force: true });
  await rm(stagingFolder, { recursive: true, force: true });
}

/** Renames must not cross a mount point inside the tree; found out before anything is renamed. */
async function requireRenames({ directory, stagingFolder }: TreeLocation, plan: TreePlan): Promise<void> {
  const { dev } = await stat(stagingFolder);
  for (const folder of foldersOf(plan.written)) {
    const status = await unless(['ENOENT', 'ENOTDIR'], stat(join(directory, folder)));
    if (status !== undefined && status.dev !== dev) {
      throw new AllowlistError(`${join(directory, folder)} is on another file system than ${directory}`);
    }
  }
}

async function fingerprint(path: string): Promise<string> {
  const status = await unless(['ENOENT', 'ENOTDIR'], lstat(path));
  if (status === undefined) return ABSENT;
  if (status.isDirectory()) return 'folder';
  if (status.isSymbolicLink()) return `link ${await readlink(path)}`;
  return status.isFile() ? digest(await readFile(path)) : 'other';
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
