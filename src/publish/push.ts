import { attempt, openGit, succeeds } from '../committed/git-read.ts';
import { AllowlistError } from '../problem.ts';

/** Where a commit is pushed to. */
export interface PushTarget {
  /** A remote's name, as `git remote` lists it. */
  readonly remote: string;
  readonly branch: string;
}

/**
 * Puts a detached HEAD, as most CI systems check out, on a branch: the one asked for, which may only be new, or lie
 * on the way to HEAD. Neither the working tree nor the index is touched. On a branch nothing is done.
 * @returns the branch that HEAD is on; undefined where it is detached and no branch was asked for
 * @throws AllowlistError where the branch holds commits that HEAD does not have
 */
export async function settleOnBranch(
  directory: string,
  wanted: string | undefined,
): Promise<string | undefined> {
  const git = await openGit(directory, {});
  const current = await git.raw(['symbolic-ref', '--quiet', '--short', 'HEAD']).catch(() => '');
  if (current.trim() !== '') return current.trim();
  if (wanted === undefined) return undefined;
  await attempt(directory, `use ${wanted} as a branch`, () =>
    git.raw(['check-ref-format', '--branch', wanted]),
  );
  const reference = `refs/heads/${wanted}`;
  const exists = await succeeds(git, ['rev-parse', '--quiet', '--verify', reference]);
  if (exists && !(await succeeds(git, ['merge-base', '--is-ancestor', reference, 'HEAD'])))
    throw new AllowlistError('HEAD is detached, and the branch is elsewhere', [
      {
        where: `${directory}, branch ${wanted}`,
        what: 'has commits that HEAD does not have',
        next: `check the branch out (\`git switch ${wanted}\`), or delete it here`,
      },
    ]);
  await attempt(directory, `put HEAD on ${wanted}`, () => git.raw(['update-ref', reference, 'HEAD']));
  await attempt(directory, `put HEAD on ${wanted}`, () => git.raw(['symbolic-ref', 'HEAD', reference]));
  return wanted;
}

/**
 * Pushes HEAD to a branch of a remote, never by force.
 * @throws AllowlistError where the remote is not there, refuses, or has commits that are not here
 */
export async function push(directory: string, { remote, branch }: PushTarget): Promise<void> {
  const git = await openGit(directory, {});
  try {
    await git.raw(['push', '--porcelain', remote, `HEAD:refs/heads/${branch}`]);
  } catch (cause) {
    const said = (cause as Error).message.trim();
    const isBehind = /\b(fetch first|non-fast-forward)\b/.test(said);
    throw new AllowlistError(
      `the commit stands here, but ${remote} did not take it`,
      [
        {
          where: `${remote}, branch ${branch}`,
          what: isBehind
            ? 'somebody else has pushed since this clone was made; nothing was forced'
            : withoutCredentials(said),
          next: isBehind
            ? `bring both together (\`git pull --rebase ${remote} ${branch}\`) and run again, or begin with a fresh clone`
            : 'look at the address and the rights; the next run pushes it as well',
        },
      ],
      { cause },
    );
  }
}

/** git repeats the address of a remote, and with it what stands before the host. */
function withoutCredentials(text: string): string {
  return text.replace(/(\w+:\/\/)[^\s/@]*@/g, '$1');
}
