import { access, constants, lstat, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SimpleGit } from 'simple-git';
import { gitDirectory, openGit, requireWorkTree } from '../committed/git-read.ts';
import { nearestFolder } from '../committed/nearest-folder.ts';
import { AllowlistError, type Problem } from '../problem.ts';
import { requireIdentity, requireIdle } from './git.ts';
import { hooksFolder } from './hooks.ts';

/**
 * Checks before the first byte is written that a commit will be possible: a working tree that git reads, a branch,
 * nothing half done, an identity, a git directory that can be written, no lock of another process, the hooks where the
 * configuration says they are, and a key that signs where commits are signed.
 * @throws AllowlistError naming each thing that stands in the way, and the way out
 */
export async function requireReady(
  directory: string,
  { mayBeDetached = false }: { readonly mayBeDetached?: boolean } = {},
): Promise<void> {
  const place = await nearestFolder(directory);
  const git = await openGit(place, {});
  await requireWorkTree(git, place);
  await requireIdle(git, place);
  await requireIdentity(git, place);
  const problems = [
    ...(mayBeDetached ? [] : await detached(git, place)),
    ...(await busy(git, place)),
    ...(await hooks(git, place)),
    ...(await signing(git, place)),
  ];
  if (problems.length > 0)
    throw new AllowlistError('nothing was written: it could not be committed', problems);
}

async function detached(git: SimpleGit, where: string): Promise<Problem[]> {
  const isOnBranch = await git.raw(['symbolic-ref', '--quiet', 'HEAD']).then(
    () => true,
    () => false,
  );
  return isOnBranch
    ? []
    : [
        {
          where,
          what: 'HEAD is detached: no branch would hold the commit, and the next checkout loses it',
          next: 'check a branch out first (`git switch BRANCH`), or name one: publish.git.branch',
        },
      ];
}

async function busy(git: SimpleGit, directory: string): Promise<Problem[]> {
  const folder = await gitDirectory(git, directory);
  const problems: Problem[] = [];
  const writable = await access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!writable)
    problems.push({ where: folder, what: 'the git directory cannot be written', next: 'look at its rights' });
  const lock = resolve(folder, 'index.lock');
  const found = await lstat(lock).catch(() => undefined);
  if (found !== undefined)
    problems.push({
      where: lock,
      what: `another git process is at work, or died here ${age(found.mtimeMs)} ago`,
      next: 'wait for it; if no git runs, remove the file',
    });
  return problems;
}

async function hooks(git: SimpleGit, directory: string): Promise<Problem[]> {
  const configured = await git.raw(['config', '--get', 'core.hooksPath']).catch(() => '');
  if (configured.trim() === '') return [];
  const path = await hooksFolder(git, directory);
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true
    ? []
    : [
        {
          where: path,
          what: 'core.hooksPath names a folder that is not there: git would skip the hooks without a word',
          next: 'make the folder, or unset core.hooksPath',
        },
      ];
}

/** Signs a commit of nothing, which no branch holds, where git is told to sign every commit. */
async function signing(git: SimpleGit, directory: string): Promise<Problem[]> {
  const configured = await git
    .raw(['config', '--type=bool', '--get', 'commit.gpgSign'])
    .catch((): string => '');
  if (configured.trim() !== 'true') return [];
  const empty = (await git.raw(['hash-object', '-t', 'tree', '/dev/null'])).trim();
  try {
    await git.raw(['commit-tree', '-S', '-m', 'A trial of the signing key', empty]);
    return [];
  } catch (cause) {
    return [
      {
        where: directory,
        what: `commit.gpgSign is set, and git cannot sign: ${(cause as Error).message.trim().split('\n').join('; ')}`,
        next: 'set user.signingKey to a key that can be used here, or unset commit.gpgSign',
      },
    ];
  }
}

function age(since: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - since) / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
