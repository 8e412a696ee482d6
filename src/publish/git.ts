import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SimpleGit } from 'simple-git';
import { AllowlistError } from '../problem.ts';
import { INNER_LOCK_NAME, STAGING_NAME } from './tree-location.ts';

export interface CommitMessage {
  /** The first line. */
  readonly subject: string;
  readonly body: string;
}

export interface CommitOptions {
  /**
   * The files of the output tree, those removed from it included, relative to the directory: nothing else of the
   * directory is committed. Without it everything in the directory is, which where the directory is the root of
   * the repository is everything.
   */
  readonly paths?: readonly string[];
  readonly signal?: AbortSignal;
  /** Milliseconds that git (or a hook) may be silent before it is stopped; ten minutes unless told. */
  readonly timeout?: number;
}

export interface Committed {
  /** The new commit's id. */
  readonly commit: string;
  /** Undefined on a detached HEAD: no branch holds the commit, so whoever reports it should say so. */
  readonly branch: string | undefined;
}

const SILENCE = 600_000;

/** What git is in the middle of, by the file or folder that says so in its own directory. */
const IN_PROGRESS = {
  MERGE_HEAD: 'a merge',
  'rebase-merge': 'a rebase',
  'rebase-apply': 'a rebase',
  CHERRY_PICK_HEAD: 'a cherry-pick',
  REVERT_HEAD: 'a revert',
} as const satisfies Record<string, string>;

/**
 * Commits the output tree, and only it, if its bytes differ from those of HEAD.
 *
 * New and deleted files are part of it. Changes elsewhere in the working tree and in the index, staged or not, stay
 * as they are (`git commit --only`); if git or a hook refuses, the index is what it was before. Hooks, signing
 * and the environment are the user's own. Needs git 2.26. Throws `AllowlistError`: no git, no repository, no
 * identity, a merge or rebase in progress, a file that git is told to ignore, a hook that refuses.
 */
export async function commitTree(
  directory: string,
  message: CommitMessage,
  options: CommitOptions = {},
): Promise<Committed | { readonly unchanged: true }> {
  const git = await openGit(directory, options);
  await requireWorkTree(git, directory);
  await requireIdle(git, directory);

  const born = await succeeds(git, ['rev-parse', '--quiet', '--verify', 'HEAD^{commit}']);
  const wanted = wants(options.paths);
  const untracked = (await list(git, ['ls-files', '--others', '--exclude-standard', '-z', '--', '.'])).filter(
    wanted,
  );
  if (options.paths !== undefined) await requireNotIgnored(git, directory, wanted);
  const tracked = (await changedFiles(git, born)).filter(wanted);
  if (untracked.length === 0 && tracked.length === 0) return { unchanged: true };
  await requireIdentity(git, directory);

  const scratch = await mkdtemp(join(tmpdir(), 'azure-allowlist-'));
  const added = await pathFile(join(scratch, 'added'), untracked);
  try {
    if (untracked.length > 0) await attempt(directory, 'add the new files', () => git.raw(['add', ...added]));
    // A file that was only taken out of the index is back in it now, and may be no change at all.
    const changed = (await changedFiles(git, born)).filter(wanted);
    if (changed.length === 0) {
      await unstage(git, untracked);
      return { unchanged: true };
    }
    const text = join(scratch, 'message');
    await writeFile(text, `${message.subject}\n\n${message.body.trim()}\n`);
    const paths = await pathFile(join(scratch, 'paths'), changed);
    try {
      // `--cleanup=whitespace`: a heading of a Markdown body is not a comment, whatever the user's default.
      await attempt(directory, 'commit the output tree', () =>
        git.raw([
          'commit',
          '--only',
          '--quiet',
          '--no-status',
          '--cleanup=whitespace',
          `--file=${text}`,
          ...paths,
        ]),
      );
    } catch (error) {
      await unstage(git, untracked).catch(() => undefined);
      throw error;
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const commit = (await git.raw(['rev-parse', 'HEAD'])).trim();
  const branch = await git.raw(['symbolic-ref', '--quiet', '--short', 'HEAD']).then(
    (name) => name.trim(),
    () => undefined,
  );
  return { commit, branch };
}

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

/** Whether the repository of the directory knows the revision. Throws `AllowlistError` as `commitTree` does. */
export async function hasRevision(directory: string, revision: string): Promise<boolean> {
  const git = await openGit(directory, {});
  await requireWorkTree(git, directory, TO_READ);
  return succeeds(git, ['rev-parse', '--quiet', '--verify', '--end-of-options', `${revision}^{commit}`]);
}

/** A commit that touched a file. */
export interface FileRevision {
  readonly commit: string;
  /** YYYY-MM-DD, when it was committed. */
  readonly date: string;
}

/**
 * The commits on the way to HEAD that touched a file of the directory, oldest first; a merge counts as one.
 * Throws `AllowlistError` as `commitTree` does for git and the repository.
 */
export async function revisionsOfFile(directory: string, path: string): Promise<FileRevision[]> {
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

/** The revisions of a file and a reader for many of them. Throws `AllowlistError` as `revisionsOfFile` does. */
export async function historyOfFile(directory: string, path: string): Promise<FileHistory> {
  const revisions = (await revisionsOfFile(directory, path)).reverse();
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

async function openGit(directory: string, { signal, timeout = SILENCE }: CommitOptions): Promise<SimpleGit> {
  const { simpleGit } = await import('simple-git');
  try {
    return simpleGit({
      baseDir: resolve(directory),
      timeout: { block: timeout },
      ...(signal === undefined ? {} : { abort: signal }),
      // simple-git takes a failure with nothing on standard error for a success.
      errors: (error, { exitCode, stdErr, stdOut }) =>
        error ??
        (exitCode === 0 ? undefined : Buffer.concat([...stdErr, ...stdOut, Buffer.from(`exit ${exitCode}`)])),
    });
  } catch (cause) {
    throw new AllowlistError(`cannot use git in ${directory}: ${(cause as Error).message}`, [], { cause });
  }
}

/** The files of the directory whose bytes in the working tree differ from HEAD's. */
async function changedFiles(git: SimpleGit, born: boolean): Promise<string[]> {
  if (!born) return list(git, ['ls-files', '-z', '--', '.']);
  const plain = ['--name-only', '--no-renames', '--no-ext-diff', '--relative', '-z'];
  return list(git, ['diff', ...plain, 'HEAD', '--', '.']);
}

function wants(paths: readonly string[] | undefined): (path: string) => boolean {
  if (paths !== undefined) {
    const set = new Set(paths);
    return (path) => set.has(path);
  }
  return (path) => path !== INNER_LOCK_NAME && !path.startsWith(`${STAGING_NAME}/`);
}

async function list(git: SimpleGit, args: string[]): Promise<string[]> {
  const out = await git.raw(args);
  return [...new Set(out.split('\0').filter((path) => path !== ''))];
}

/** Arguments that name these files, each taken literally, however many they are. */
async function pathFile(file: string, paths: readonly string[]): Promise<string[]> {
  await writeFile(file, paths.map((path) => `:(literal)${path}\0`).join(''));
  return [`--pathspec-from-file=${file}`, '--pathspec-file-nul'];
}

/** Takes new files back out of the index. As arguments: `git rm` takes no file of paths below the root (2.39). */
async function unstage(git: SimpleGit, paths: readonly string[]): Promise<void> {
  for (let start = 0; start < paths.length; start += 200) {
    const some = paths.slice(start, start + 200).map((path) => `:(literal)${path}`);
    await git.raw(['rm', '--cached', '--force', '--quiet', '--', ...some]);
  }
}

async function succeeds(git: SimpleGit, args: string[]): Promise<boolean> {
  return git.raw(args).then(
    () => true,
    () => false,
  );
}

async function attempt(directory: string, act: string, work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (cause) {
    const what = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new AllowlistError(`git could not ${act}`, [{ where: directory, what }], { cause });
  }
}

/** What helps where a repository is to be written to, and where it is only read. */
const TO_WRITE = 'run `git init` in the folder that shall hold it, or switch publish.git off';
const TO_READ = 'name a directory inside of a clone, and let git read it';

async function requireWorkTree(git: SimpleGit, directory: string, next = TO_WRITE): Promise<void> {
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
  throw new AllowlistError('the output tree is not in the working tree of a git repository', [
    { where: directory, what: said, next },
  ]);
}

async function requireIdle(git: SimpleGit, directory: string): Promise<void> {
  const signs = Object.entries(IN_PROGRESS);
  const out = await git.raw(['rev-parse', ...signs.flatMap(([name]) => ['--git-path', name])]);
  const paths = out.trimEnd().split('\n');
  for (const [index, [, what]] of signs.entries()) {
    const present = await access(resolve(directory, paths[index] ?? '')).then(
      () => true,
      () => false,
    );
    if (!present) continue;
    throw new AllowlistError('git is in the middle of something else', [
      { where: directory, what: `${what} is in progress`, next: 'finish or abort it, then run again' },
    ]);
  }
}

async function requireIdentity(git: SimpleGit, directory: string): Promise<void> {
  for (const role of ['GIT_AUTHOR_IDENT', 'GIT_COMMITTER_IDENT']) {
    try {
      await git.raw(['var', role]);
    } catch (cause) {
      const what = cause instanceof Error ? (cause.message.trim().split('\n').at(-1) ?? '') : String(cause);
      const next =
        'set user.name and user.email with `git config`, or GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL and so on';
      throw new AllowlistError('git does not know who commits', [{ where: directory, what, next }], {
        cause,
      });
    }
  }
}

async function requireNotIgnored(
  git: SimpleGit,
  directory: string,
  wanted: (path: string) => boolean,
): Promise<void> {
  const standard = ['ls-files', '--others', '--ignored', '--exclude-standard', '-z', '--', '.'];
  const ignored = (await list(git, standard)).filter(wanted);
  if (ignored.length === 0) return;
  const next = 'take it out of .gitignore (`git check-ignore -v FILE` tells which line)';
  throw new AllowlistError(
    'git is told to ignore files of the output tree',
    ignored.map((path) => ({ where: join(directory, path), what: 'ignored', next })),
  );
}
