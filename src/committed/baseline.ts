import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AllowlistError } from '../problem.ts';
import { readOwnText, readRegularText } from '../regular-file.ts';
import { type GitEnvironment, isBelowRepository, mayHaveRepository } from './below-repository.ts';
import { type Drift, driftInForce, driftOnDisk } from './drift.ts';
import { GIT_ATTRIBUTES_FILE } from './git-attributes.ts';
import { historyOfFile } from './git-read.ts';
import { readGitTree } from './git-tree.ts';
import { type LockedPlanner, readInForce, type TargetInForce } from './in-force.ts';
import type { KnownTrees } from './known-trees.ts';
import { LOCK_FILE, parseLock } from './lock.ts';
import type { TreeOfRevision } from './object-reader.ts';
import { directoryReader, fileDigest, filesReader, type OutputTree, readOutputTree } from './output-tree.ts';
import { isRuleText } from './unlisted.ts';

/** Last week, as it was committed: what a run is compared with. */
export interface Baseline {
  /** Undefined on the first run. */
  readonly tree: OutputTree | undefined;
  /** What the rule files in force let through, by target. */
  readonly inForce: ReadonlyMap<string, TargetInForce>;
  readonly drift: readonly Drift[];
  /**
   * Of rule files that were edited after a run wrote them, or are gone, the text that a run wrote, as far as the history
   * has it: by path. What files only add and take back cannot be told from an edited one.
   */
  readonly asWritten: ReadonlyMap<string, string>;
  /** Every file that a run has written there, by the committed lock and by the one on the disk. */
  readonly managed: readonly string[];
  /** The digests that locks have for these files, by path. */
  readonly digests: ReadonlyMap<string, readonly string[]>;
  /** Whether a `.gitattributes` stands there that no run wrote. */
  readonly hasOwnAttributes: boolean;
}

export interface BaselineOptions {
  /** The revision whose tree is in force, in a git working tree; HEAD unless told. */
  readonly revision?: string;
  /** Folders of the configured targets: rule files there without a lock are refused. */
  readonly targets: readonly string[];
  /** Whether the run is to be committed: files that were written and never committed are in force nowhere then. */
  readonly toCommit: boolean;
  /** Of the run: git is started with it. */
  readonly environment: GitEnvironment;
  readonly report: (line: string) => void;
  /** Reads what was committed, where many directories are read together. */
  readonly committed?: TreeOfRevision;
  /** Trees that were read before, where many directories are read together. */
  readonly trees?: KnownTrees;
}

/**
 * Reads what is in force: in a git working tree what the revision has, whatever lies on the disk; else the directory. Where a
 * run is to be committed and the revision has nothing, nothing is in force.
 * @throws AllowlistError for a lock or snapshot that cannot be read, and for rule files without a lock
 */
export async function readBaseline(
  directory: string,
  {
    revision = 'HEAD',
    targets,
    toCommit,
    environment,
    report,
    committed: reader = readGitTree,
    trees,
  }: BaselineOptions,
): Promise<Baseline> {
  const { isRead, files: committed } = await committedTree(directory, revision, {
    environment,
    report,
    // What the environment names may be another repository than the one that lies above.
    read: environment.GIT_DIR === undefined ? reader : readGitTree,
  });
  const written = await lockOnDisk(directory);
  const readCommitted = async () => {
    const tree = await readOutputTree(filesReader(directory, committed!));
    return tree === undefined ? undefined : { tree, inForce: await readInForce(tree) };
  };
  const read =
    committed === undefined
      ? undefined
      : await (trees === undefined ? readCommitted() : trees.read(directory, committed, readCommitted));
  const managed = (...locks: readonly (Readonly<Record<string, string>> | undefined)[]) => [
    ...new Set(locks.flatMap((files) => (files === undefined ? [] : [...Object.keys(files), LOCK_FILE]))),
  ];
  if (read !== undefined) {
    const { tree: inGit, inForce } = read;
    const drift = await driftOnDisk(
      inGit,
      await filesOnDisk(directory, Object.keys(inGit.lock.files)),
      written ?? {},
    );
    return {
      tree: inGit,
      inForce,
      drift: [...driftInForce(inForce, 'committed'), ...drift],
      asWritten: await findAsWritten(directory, inGit, inForce),
      managed: managed(inGit.lock.files, written),
      digests: digestsOf(inGit.lock.files, written),
      hasOwnAttributes: await hasOwnAttributes(directory, inGit.lock.files, written),
    };
  }
  const isLeftover = toCommit && isRead && written !== undefined;
  const tree = isLeftover ? undefined : await readOutputTree(directoryReader(directory));
  if (tree === undefined) {
    await refuseWithoutLock(directory, committed, targets, !isLeftover);
    if (isLeftover)
      report(`${directory} was written and never committed: nothing is in force, and this is a first run`);
    return {
      tree: undefined,
      inForce: new Map(),
      drift: [],
      asWritten: new Map(),
      managed: managed(written),
      digests: digestsOf(written),
      hasOwnAttributes: await hasOwnAttributes(directory, written),
    };
  }
  const inForce = await readInForce(tree);
  return {
    tree,
    inForce,
    drift: driftInForce(inForce, 'directory'),
    asWritten: new Map(),
    managed: managed(tree.lock.files),
    digests: digestsOf(tree.lock.files),
    hasOwnAttributes: await hasOwnAttributes(directory, tree.lock.files),
  };
}

/** The baseline that a tree in memory is, as a replay keeps it. */
export async function baselineOf(tree: OutputTree | undefined, plan?: LockedPlanner): Promise<Baseline> {
  return {
    tree,
    inForce: tree === undefined ? new Map() : await readInForce(tree, plan),
    drift: [],
    asWritten: new Map(),
    managed: tree === undefined ? [] : [...Object.keys(tree.lock.files), LOCK_FILE],
    digests: tree === undefined ? new Map() : digestsOf(tree.lock.files),
    hasOwnAttributes: false,
  };
}

/** How many commits of a file are looked through for the text that a run wrote. */
const LOOKED_THROUGH = 200;

async function findAsWritten(
  directory: string,
  { lock }: OutputTree,
  inForce: ReadonlyMap<string, TargetInForce>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const path of [...inForce.values()].flatMap(({ edited }) => edited)) {
    // A history that cannot be read is as good as none: the edit is told as drift either way.
    const history = await historyOfFile(directory, path).catch((error: unknown) => {
      if (error instanceof AllowlistError) return undefined;
      throw error;
    });
    for (const { commit } of history?.revisions.slice(0, LOOKED_THROUGH) ?? []) {
      const text = await history!.read(commit, path);
      if (text === undefined || fileDigest(text) !== lock.files[path]) continue;
      found.set(path, text);
      break;
    }
  }
  return found;
}

/** SHA-256 of the published file that is in force, as it was committed; undefined where nothing is, or nothing that can be read. */
export async function feedInForce(
  directory: string,
  environment: GitEnvironment,
): Promise<string | undefined> {
  const { files: committed } = await committedTree(directory, 'HEAD', {
    environment,
    report: () => undefined,
  });
  const path = join(directory, LOCK_FILE);
  const text = committed?.get(LOCK_FILE) ?? (await readOwnText(directory, LOCK_FILE).catch(() => undefined));
  try {
    return text === undefined ? undefined : parseLock(text, path).feed.sha256;
  } catch (error) {
    if (error instanceof AllowlistError) return undefined;
    throw error;
  }
}

function digestsOf(
  ...locks: readonly (Readonly<Record<string, string>> | undefined)[]
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const files of locks)
    for (const [path, digest] of Object.entries(files ?? {}))
      found.set(path, [...(found.get(path) ?? []), digest]);
  return found;
}

async function hasOwnAttributes(
  directory: string,
  ...written: readonly (Readonly<Record<string, string>> | undefined)[]
): Promise<boolean> {
  if (written.some((files) => files?.[GIT_ATTRIBUTES_FILE] !== undefined)) return false;
  return lstat(join(directory, GIT_ATTRIBUTES_FILE)).then(
    () => true,
    () => false,
  );
}

/** What a revision has of a directory; `isRead` says whether there is a repository that git reads. */
async function committedTree(
  directory: string,
  revision: string,
  {
    environment,
    report,
    read = readGitTree,
  }: Pick<BaselineOptions, 'environment' | 'report'> & { readonly read?: TreeOfRevision },
): Promise<{ readonly isRead: boolean; readonly files: ReadonlyMap<string, string> | undefined }> {
  if (!(await mayHaveRepository(directory, environment))) return { isRead: false, files: undefined };
  try {
    return { isRead: true, files: (await read(directory, revision))?.files };
  } catch (error) {
    if (!(error instanceof AllowlistError)) throw error;
    if (await isBelowRepository(directory))
      report(`compared with the files in ${directory}, not with what was committed: ${error.message}`);
    return { isRead: false, files: undefined };
  }
}

/** The files that the lock on the disk names; undefined without one that can be read. */
async function lockOnDisk(directory: string): Promise<Readonly<Record<string, string>> | undefined> {
  const path = join(directory, LOCK_FILE);
  const text = await readOwnText(directory, LOCK_FILE).catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return parseLock(text, path).files;
  } catch (error) {
    if (error instanceof AllowlistError) return undefined;
    throw error;
  }
}

async function filesOnDisk(directory: string, paths: readonly string[]): Promise<Map<string, string>> {
  const reader = directoryReader(directory);
  const files = new Map<string, string>();
  for (const path of paths) {
    const text = await reader.read(path).catch(() => undefined);
    if (text !== undefined) files.set(path, text);
  }
  return files;
}

/**
 * Without a lock nothing tells what is in force: to take it for a first run would skip every guard.
 * @param onDisk whether rule files in the directory count as well as committed ones
 */
async function refuseWithoutLock(
  directory: string,
  committed: ReadonlyMap<string, string> | undefined,
  targets: readonly string[],
  onDisk: boolean,
): Promise<void> {
  const folders = ['snapshot', ...targets];
  const found = new Set<string>();
  for (const [path, text] of committed ?? [])
    if (folders.some((folder) => path.startsWith(`${folder}/`)) && isOurs(path, text)) found.add(path);
  for (const folder of onDisk ? folders : [])
    for (const entry of await readdir(join(directory, folder), { withFileTypes: true }).catch(() => [])) {
      const path = `${folder}/${entry.name}`;
      if (!entry.isFile() || found.has(path)) continue;
      if (isOurs(path, await readRegularText(join(directory, path)).catch(() => ''))) found.add(path);
    }
  if (found.size === 0) return;
  throw new AllowlistError(`${join(directory, LOCK_FILE)} is missing, but rule files are there`, [
    {
      where: [...found].sort().slice(0, 3).join(', ') + (found.size > 3 ? ` and ${found.size - 3} more` : ''),
      what: 'without the lock nobody can say what is in force, and no guard can judge the change',
      next:
        committed !== undefined && [...found].some((path) => committed.has(path))
          ? `restore the lock from an earlier commit (\`git log -- ${join(directory, LOCK_FILE)}\` names them), or commit the removal of these files for a first run`
          : 'restore the lock from the repository, or move these files away for a first run',
    },
  ]);
}

function isOurs(path: string, text: string): boolean {
  return path.startsWith('snapshot/') ? path.endsWith('.txt') : isRuleText(text);
}
