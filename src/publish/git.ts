import { access, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { SimpleGit } from 'simple-git';
import {
  attempt,
  type GitOptions,
  gitDirectory,
  list,
  openGit,
  requireWorkTree,
  succeeds,
} from '../committed/git-read.ts';
import { AllowlistError } from '../problem.ts';
import type { CommitMessage } from '../review/commit-message.ts';
import { watchHooks } from './hooks.ts';
import { withScratch } from './scratch.ts';
import { INNER_LOCK_NAME, STAGING_NAME } from './tree-location.ts';

export type { CommitMessage } from '../review/commit-message.ts';

export interface CommitOptions extends GitOptions {
  /**
   * The files of the output tree, those removed from it included, relative to the directory: nothing else of the
   * directory is committed. Without it everything in the directory is, which where the directory is the root of
   * the repository is everything.
   */
  readonly paths?: readonly string[];
}

export interface Committed {
  /** The new commit's id. */
  readonly commit: string;
  /** What HEAD was before; undefined where nothing was committed yet. */
  readonly parent: string | undefined;
  /** Undefined on a detached HEAD: no branch holds the commit, so whoever reports it should say so. */
  readonly branch: string | undefined;
}

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
  await lookAtAll(git, wanted);
  const untracked = (await list(git, ['ls-files', '--others', '--exclude-standard', '-z', '--', '.'])).filter(
    wanted,
  );
  if (options.paths !== undefined) await requireNotIgnored(git, directory, wanted);
  const tracked = (await changedFiles(git, born)).filter(wanted);
  if (untracked.length === 0 && tracked.length === 0) return { unchanged: true };
  await requireIdentity(git, directory);
  const parent = born ? (await git.raw(['rev-parse', 'HEAD'])).trim() : undefined;

  const made = await withScratch(directory, await gitDirectory(git, directory), async (scratch) => {
    const added = await pathFile(join(scratch, 'added'), untracked);
    if (untracked.length > 0)
      await attempt(directory, 'add the new files', () => git.raw([...EVERYWHERE, 'add', ...added]));
    // A file that was only taken out of the index is back in it now, and may be no change at all.
    const changed = (await changedFiles(git, born)).filter(wanted);
    if (changed.length === 0) {
      await unstage(git, untracked);
      return false;
    }
    const text = join(scratch, 'message');
    await writeFile(text, `${message.subject}\n\n${message.body.trim()}\n`);
    const paths = await pathFile(join(scratch, 'paths'), changed);
    try {
      await makeCommit(directory, options, text, paths);
    } catch (error) {
      await unstage(git, untracked).catch(() => undefined);
      throw error;
    }
    await restoreIndex(git, changed, paths);
    return true;
  });
  if (!made) return { unchanged: true };
  const commit = (await git.raw(['rev-parse', 'HEAD'])).trim();
  const branch = await git.raw(['symbolic-ref', '--quiet', '--short', 'HEAD']).then(
    (name) => name.trim(),
    () => undefined,
  );
  return { commit, parent, branch };
}

/** A sparse checkout that leaves the output tree out is no reason to leave it out of the commit. */
const EVERYWHERE = ['-c', 'core.sparseCheckout=false'];

/** Makes git look at files whose changes it was told to overlook (`skip-worktree`, `assume-unchanged`): a run has written them. */
async function lookAtAll(git: SimpleGit, wanted: (path: string) => boolean): Promise<void> {
  const overlooked = (await list(git, ['ls-files', '-v', '-z', '--', '.']))
    .filter((entry) => /^[Sa-z] /.test(entry))
    .map((entry) => entry.slice(2))
    .filter(wanted);
  for (const flag of overlooked.length === 0 ? [] : ['--no-skip-worktree', '--no-assume-unchanged'])
    for (let start = 0; start < overlooked.length; start += 200)
      await git.raw(['update-index', flag, '--', ...overlooked.slice(start, start + 200)]);
}

/** @throws AllowlistError naming the hook that refuses, or what git says */
async function makeCommit(
  directory: string,
  options: GitOptions,
  message: string,
  paths: readonly string[],
): Promise<void> {
  let exitCode: number | undefined;
  const git = await openGit(directory, { ...options, failed: (code) => (exitCode = code) });
  const watched = await watchHooks(git, directory);
  try {
    // `--cleanup=whitespace`: a heading of a Markdown body is not a comment, whatever the user's default.
    await git.raw([
      ...['commit', '--only', '--quiet', '--no-status', '--cleanup=whitespace'],
      `--file=${message}`,
      ...paths,
    ]);
  } catch (cause) {
    const hooks = await watched.refused(exitCode);
    if (hooks.length === 0) {
      await attempt(directory, 'commit the output tree', () => Promise.reject(cause));
      return;
    }
    const said = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new AllowlistError(
      `nothing was committed: the hook ${hooks.join(' or ')} refused`,
      [
        {
          where: directory,
          what: said === '' ? 'the hook says nothing' : `it says: ${said}`,
          next: 'mend what the hook asks for, and run again: the files are written, and the next run compares with HEAD and commits them',
        },
      ],
      { cause },
    );
  }
}

/**
 * Makes the index say of the committed files what HEAD says. `git commit --only` leaves an entry alone whose file looks
 * untouched since it was added, though a filter or hook of then made other bytes of it: the next commit of the user
 * would bring them back.
 */
async function restoreIndex(git: SimpleGit, changed: readonly string[], paths: string[]): Promise<void> {
  const files = new Set(changed);
  const staged = await list(git, [
    'diff',
    '--cached',
    '--name-only',
    '--no-renames',
    '--relative',
    '-z',
    'HEAD',
  ]);
  if (staged.some((path) => files.has(path))) await git.raw(['restore', '--staged', ...paths]);
}

/**
 * Takes back a commit of `commitTree`: HEAD and the index are what they were before it, the working tree stays as it is.
 * @returns false, with nothing changed, where HEAD has moved on since
 * @throws AllowlistError where git cannot do it
 */
export async function takeBack(
  directory: string,
  { commit, parent }: Pick<Committed, 'commit' | 'parent'>,
): Promise<boolean> {
  const place = await openGit(directory, {});
  // From the top of the working tree: a hook may have added files elsewhere.
  const git = await openGit((await place.raw(['rev-parse', '--show-toplevel'])).trim(), {});
  const [, ...parents] = (await git.raw(['rev-list', '--parents', '--max-count=1', commit]))
    .trim()
    .split(' ');
  if (parents.join() !== (parent ?? '')) return false;
  const paths = await list(git, [
    ...['diff-tree', '-r', '--root', '--no-commit-id', '--name-only', '--no-renames', '-z'],
    commit,
  ]);
  const move = parent === undefined ? ['-d', 'HEAD', commit] : ['HEAD', parent, commit];
  const reason = 'azure-allowlist: not what was planned';
  if (!(await succeeds(git, ['update-ref', '-m', reason, ...move]))) return false;
  if (parent === undefined) {
    await unstage(git, paths);
    return true;
  }
  await withScratch(directory, await gitDirectory(git, directory), async (scratch) => {
    const some = await pathFile(join(scratch, 'paths'), paths);
    // Not `restore`: what a hook added to the commit alone is in no index.
    await attempt(directory, 'take the commit back', () => git.raw(['reset', '--quiet', ...some]));
  });
  return true;
}

/** The same for a commit of which only the id is known. @returns false as well where it is a merge */
export async function takeBackCommit(directory: string, commit: string): Promise<boolean> {
  const git = await openGit(directory, {});
  const [, ...parents] = (await git.raw(['rev-list', '--parents', '--max-count=1', commit]))
    .trim()
    .split(' ');
  return parents.length < 2 && takeBack(directory, { commit, parent: parents[0] });
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

/** @throws AllowlistError where a merge, rebase, cherry-pick or revert is half done */
export async function requireIdle(git: SimpleGit, directory: string): Promise<void> {
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

/** @throws AllowlistError where git does not know who commits */
export async function requireIdentity(git: SimpleGit, directory: string): Promise<void> {
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
    'git ignores files of the output tree',
    ignored.map((path) => ({ where: join(directory, path), what: 'ignored', next })),
  );
}
