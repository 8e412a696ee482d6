import { resolve } from 'node:path';
import type { SimpleGit } from 'simple-git';
import { AllowlistError } from '../problem.ts';

/** How git is started. */
export interface GitOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds that git (or a hook) may be silent before it is stopped; ten minutes unless told. */
  readonly timeout?: number;
  /** Told the exit status of each call that fails: the error itself does not carry it. */
  readonly failed?: (exitCode: number) => void;
}

const SILENCE = 600_000;

/**
 * The text of a file of the output tree at a revision (`HEAD`, `HEAD~1`, a tag), or undefined if it is not there.
 *
 * With it a run can learn what the *committed* lock named: files that a run removed which was stopped before it
 * could commit. Throws `AllowlistError` as `commitTree` does for git and the repository.
 */
export async function fileAtRevision(
  directory: string,
  revision: string,
  path: string,
): Promise<string | undefined> {
  const git = await openGit(directory, {});
  await requireWorkTree(git, directory, TO_READ);
  const blob = `${revision}:./${path}`;
  const object = await git.raw(['rev-parse', '--quiet', '--verify', '--end-of-options', blob]).then(
    (id) => id.trim(),
    () => undefined,
  );
  if (object === undefined || (await git.raw(['cat-file', '-t', object])).trim() !== 'blob') return undefined;
  return attempt(directory, `read ${blob}`, () => git.raw(['cat-file', 'blob', object]));
}

/**
 * The files of a name below the directory at a revision, relative to it; undefined where the repository has no such
 * revision. Throws `AllowlistError` as `commitTree` does.
 */
export async function filesAtRevision(
  directory: string,
  revision: string,
  name: string,
): Promise<readonly string[] | undefined> {
  if (!(await hasRevision(directory, revision))) return undefined;
  const git = await openGit(directory, {});
  const listed = await attempt(directory, `list the files of ${revision}`, () =>
    git.raw(['ls-tree', '-r', '-z', '--name-only', '--end-of-options', `${revision}^{commit}`]),
  );
  return listed.split('\0').filter((path) => path === name || path.endsWith(`/${name}`));
}

/** Whether the repository of the directory knows the revision. Throws `AllowlistError` as `commitTree` does. */
export async function hasRevision(directory: string, revision: string): Promise<boolean> {
  const git = await openGit(directory, {});
  await requireWorkTree(git, directory, TO_READ);
  return succeeds(git, ['rev-parse', '--quiet', '--verify', '--end-of-options', `${revision}^{commit}`]);
}

/** A commit that touched a file or folder. */
export interface FileRevision {
  readonly commit: string;
  /** YYYY-MM-DD, when it was committed. */
  readonly date: string;
}

/**
 * The commits on the way to HEAD that touched a file or folder below the directory, or the directory itself (`.`), oldest
 * first; a merge counts as one.
 * Throws `AllowlistError` as `commitTree` does for git and the repository.
 */
export async function revisionsOf(directory: string, path: string): Promise<FileRevision[]> {
  const git = await openGit(directory, {});
  await requireWorkTree(git, directory, TO_READ);
  // Where nothing was committed yet, `git log` fails.
  if (!(await succeeds(git, ['rev-parse', '--quiet', '--verify', 'HEAD^{commit}']))) return [];
  const log = await attempt(directory, `list the commits of ${path}`, () =>
    git.raw(['log', '--first-parent', '--reverse', '--format=%H %cs', '--', path]),
  );
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ commit: line.slice(0, line.indexOf(' ')), date: line.slice(line.indexOf(' ') + 1) }));
}

/** The past of one file of a directory, and of the files that were committed with it. */
export interface FileHistory {
  /** Newest first. */
  readonly revisions: readonly FileRevision[];
  /** False in a shallow clone: its oldest revision need not be the first. */
  readonly complete: boolean;
  /** As `fileAtRevision`, with one process a file instead of four. */
  readonly read: (commit: string, path: string) => Promise<string | undefined>;
}

/** The revisions of a file and a reader for many of them. Throws `AllowlistError` as `revisionsOf` does. */
export async function historyOfFile(directory: string, path: string): Promise<FileHistory> {
  const revisions = (await revisionsOf(directory, path)).reverse();
  const git = await openGit(directory, {});
  const shallow = await attempt(directory, 'tell whether the clone is shallow', () =>
    git.raw(['rev-parse', '--is-shallow-repository']),
  );
  return {
    revisions,
    complete: shallow.trim() === 'false',
    // What fails is read again with care, to learn whether the file is not there or git cannot read it.
    read: (commit, file) =>
      git
        .raw(['cat-file', 'blob', `${commit}:./${file}`])
        .catch(() => fileAtRevision(directory, commit, file)),
  };
}

/** git in a directory, with failures that simple-git overlooks. @throws AllowlistError */
export async function openGit(
  directory: string,
  { signal, timeout = SILENCE, failed }: GitOptions,
): Promise<SimpleGit> {
  const { simpleGit } = await import('simple-git');
  try {
    return simpleGit({
      baseDir: resolve(directory),
      timeout: { block: timeout },
      ...(signal === undefined ? {} : { abort: signal }),
      // simple-git takes a failure with nothing on standard error for a success.
      errors: (error, { exitCode, stdErr, stdOut }) => {
        if (exitCode !== 0) failed?.(exitCode);
        return (
          error ??
          (exitCode === 0
            ? undefined
            : Buffer.concat([...stdErr, ...stdOut, Buffer.from(`exit ${exitCode}`)]))
        );
      },
    });
  } catch (cause) {
    throw new AllowlistError(`cannot use git in ${directory}: ${(cause as Error).message}`, [], { cause });
  }
}

/** The paths that a command ends with NUL bytes, each once. */
export async function list(git: SimpleGit, args: string[]): Promise<string[]> {
  const out = await git.raw(args);
  return [...new Set(out.split('\0').filter((path) => path !== ''))];
}

/** Whether git exits with 0. */
export async function succeeds(git: SimpleGit, args: string[]): Promise<boolean> {
  return git.raw(args).then(
    () => true,
    () => false,
  );
}

/** git's failure as one that says what could not be done. @throws AllowlistError */
export async function attempt(directory: string, act: string, work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (cause) {
    const what = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new AllowlistError(`git could not ${act}`, [{ where: directory, what }], { cause });
  }
}

/** The git directory of the working tree, where scratch files of a commit may stand. @throws AllowlistError */
export async function gitDirectory(git: SimpleGit, directory: string): Promise<string> {
  const path = await attempt(directory, 'find its own directory', () =>
    git.raw(['rev-parse', '--absolute-git-dir']),
  );
  return path.trim();
}

/** What helps where a repository is to be written to, and where it is only read. */
const TO_WRITE = 'run `git init` in the folder that shall hold it, or switch publish.git off';
const TO_READ = 'name a directory inside of a clone, and let git read it';

/** @throws AllowlistError where there is no git, or the directory is in no working tree */
export async function requireWorkTree(git: SimpleGit, directory: string, next = TO_WRITE): Promise<void> {
  let said: string;
  try {
    said = (await git.raw(['rev-parse', '--is-inside-work-tree'])).trim();
    if (said === 'true') return;
    said = 'this is inside a git directory or a bare repository';
  } catch (cause) {
    said = cause instanceof Error ? cause.message.trim() : String(cause);
    if (/\bENOENT\b/.test(said))
      throw new AllowlistError(
        'git cannot be started',
        [{ where: directory, what: said, next: 'install git, or put it on the PATH' }],
        { cause },
      );
  }
  // The same words in every version that looks at owners (2.35.2).
  const [owned] = /^.*dubious ownership.*$/m.exec(said) ?? [];
  if (owned !== undefined)
    throw new AllowlistError('git does not read the repository: it belongs to another user', [
      {
        where: directory,
        what: owned,
        next: 'run as its owner, give it to the user of this run (`chown`), or trust it: `git config --global --add safe.directory` with its folder',
      },
    ]);
  throw new AllowlistError('the output tree is not in the working tree of a git repository', [
    { where: directory, what: said, next },
  ]);
}
