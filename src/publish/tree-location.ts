import { createHash } from 'node:crypto';
import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { gitFolderOf, repositoryAbove } from '../committed/below-repository.ts';
import { AllowlistError, ConfigurationError } from '../problem.ts';
import { errorCode } from './errno.ts';

/** Where an output tree stands, and where the things stand that a publish needs for a while. */
export interface TreeLocation {
  /** Absolute; every folder above it is a real one, so that all runs on one tree agree on its name. */
  readonly directory: string;
  readonly parent: string;
  readonly exists: boolean;
  /** Beside the directory: the staged and the previous tree of a whole-directory switch. */
  readonly switchFolder: string;
  /** Inside the directory: the staged files of a file-by-file switch. */
  readonly stagingFolder: string;
  /** git's directory of the working tree that the directory lies in; undefined where it lies in none. */
  readonly gitFolder: string | undefined;
  /**
   * Where the run lock may stand, in the order to try: in git's directory, where no commit takes it along, beside the
   * directory, inside it.
   */
  readonly lockFiles: readonly string[];
}

/** The name inside the output tree that belongs to this program while it publishes. */
export const STAGING_NAME = '.azure-allowlist';
/** The run lock's name inside the output tree, used where its parent cannot be written. */
export const INNER_LOCK_NAME = '.azure-allowlist.lock';

async function realAncestor(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT' && dirname(path) !== path) {
      return join(await realAncestor(dirname(path)), basename(path));
    }
    throw new AllowlistError(`cannot use ${path} as a folder: ${(cause as Error).message}`, [], { cause });
  }
}

/** How the scratch folders of runs in git's directory are named. */
export const SCRATCH_PREFIX = 'azure-allowlist-';

/** Whether a folder in git's directory is named as a scratch folder. */
export const isScratch = (part: string | undefined): boolean =>
  part !== undefined && new RegExp(`^${SCRATCH_PREFIX}\\w{6}$`).test(part);

/**
 * Finds the output tree and refuses places that are no place for one.
 *
 * A directory that is itself a symbolic link is refused: a switch would have to replace either the link or what
 * it points at, and two runs that name it differently would not see each other's lock. Links above it are
 * followed. Throws `AllowlistError`; writes nothing.
 */
export async function locateTree(path: string): Promise<TreeLocation> {
  const absolute = resolve(path);
  const name = basename(absolute);
  if (name === '')
    throw new AllowlistError(`the output directory must not be the root of a file system: ${path}`);
  const parts = absolute.split(sep);
  // A working tree that a run makes for itself stands below git's directory, and is a place like any other.
  const own = parts.findIndex((part, index) => part === 'tree' && isScratch(parts[index - 1]));
  const strange = parts.slice(own + 1).find((part) => part === '.git' || part === 'node_modules');
  if (strange !== undefined)
    throw new ConfigurationError(`the output directory must not be inside ${strange}: ${path}`);
  const parent = await realAncestor(dirname(absolute));
  const directory = join(parent, name);
  await requireFolder(parent, path);
  const exists = await requireFolder(directory, path);
  const repository = await repositoryAbove(directory);
  const gitFolder = repository === undefined ? undefined : await gitFolderOf(repository);
  return {
    directory,
    parent,
    exists,
    gitFolder,
    switchFolder: join(parent, `.${name}.azure-allowlist`),
    stagingFolder: join(directory, STAGING_NAME),
    lockFiles: [
      ...(repository === undefined || gitFolder === undefined
        ? []
        : [join(gitFolder, lockNameInGit(relative(repository.top, directory)))]),
      join(parent, `.${name}.azure-allowlist.lock`),
      join(directory, INNER_LOCK_NAME),
    ],
  };
}

/** One name for each output tree of a working tree, however long its path is. */
function lockNameInGit(path: string): string {
  const digest = createHash('sha256').update(path.split(sep).join('/')).digest('hex');
  return `${SCRATCH_PREFIX}${digest.slice(0, 16)}.lock`;
}

async function requireFolder(directory: string, asked: string): Promise<boolean> {
  let status: Awaited<ReturnType<typeof lstat>>;
  try {
    status = await lstat(directory);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === 'ENOENT') return false;
    const what =
      code === 'ENOTDIR' ? 'a file stands where a folder is needed above it' : (cause as Error).message;
    throw new AllowlistError(`cannot use ${asked} as the output directory: ${what}`, [], { cause });
  }
  if (status.isDirectory()) return true;
  if (status.isSymbolicLink()) {
    const target = await stat(directory).then(
      () => realpath(directory),
      () => undefined,
    );
    const next = target === undefined ? 'its target does not exist' : `name the directory itself: ${target}`;
    throw new AllowlistError(`the output directory must not be a symbolic link: ${asked} — ${next}`);
  }
  throw new AllowlistError(`cannot use ${asked} as the output directory: a file stands in its place`);
}
