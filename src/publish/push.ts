import { attempt, openGit, succeeds } from '../committed/git-read.ts';
import { nearestFolder } from '../committed/nearest-folder.ts';
import { AllowlistError } from '../problem.ts';
import { foreignCommits } from './foreign-commits.ts';

/** Where a commit is pushed to. */
export interface PushTarget {
  /** A remote's name, as `git remote` lists it. */
  readonly remote: string;
  readonly branch: string;
}

/** The branch that HEAD is on; undefined where it is detached. */
export async function currentBranch(directory: string): Promise<string | undefined> {
  const git = await openGit(await nearestFolder(directory), {});
  const name = await git.raw(['symbolic-ref', '--quiet', '--short', 'HEAD']).catch(() => '');
  return name.trim() === '' ? undefined : name.trim();
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
  const current = await currentBranch(directory);
  if (current !== undefined) return current;
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

/** The remote has commits that are not here: what was planned was compared with an older state. */
export class BehindRemote extends AllowlistError {
  override readonly name = 'BehindRemote';
}

/** The remote will not take commits to this branch from this account, however often they are pushed. */
export class ProtectedBranch extends AllowlistError {
  override readonly name = 'ProtectedBranch';
}

/**
 * How forges say that nobody, or not this account, may push to a branch: GitHub (GH006, GH013), GitLab and Gitea ("protected
 * branch"), Azure DevOps (TF402455), Bitbucket ("only through pull requests").
 */
const PROTECTED = /protected branch|\bGH013\b|\bTF402455\b|(?:through|use) (?:a )?pull requests?/i;

/**
 * Pushes HEAD to a branch of a remote, never by force.
 * @throws BehindRemote where the remote has commits that are not here; ProtectedBranch; AllowlistError where it is not there, or refuses
 */
export async function push(directory: string, { remote, branch }: PushTarget): Promise<void> {
  const git = await openGit(directory, {});
  try {
    await git.raw(['push', '--porcelain', remote, `HEAD:refs/heads/${branch}`]);
  } catch (cause) {
    const said = (cause as Error).message.trim();
    const isBehind = /\b(fetch first|non-fast-forward)\b/.test(said);
    const isProtected = PROTECTED.test(said);
    const Kind = isBehind ? BehindRemote : isProtected ? ProtectedBranch : AllowlistError;
    throw new Kind(
      `the commit stands here, but ${remote} did not take it`,
      [
        {
          where: `${remote}, branch ${branch}`,
          what: isBehind
            ? 'somebody else has pushed since this clone was made; nothing was forced'
            : withoutCredentials(said),
          next: isBehind
            ? `bring both together (\`git pull --rebase ${remote} ${branch}\`) and run again, or begin with a fresh clone`
            : isProtected
              ? 'the branch is protected: have changes proposed (publish.git.pullRequest), or let this account push to it; the next run pushes the commit as well'
              : 'look at the address and the rights; the next run pushes it as well',
        },
      ],
      { cause },
    );
  }
}

/** git repeats the address of a remote, and with it what stands before the host. */
export function withoutCredentials(text: string): string {
  return text.replace(/(\w+:\/\/)[^\s/@]*@/g, '$1');
}

/**
 * Fetches a branch whose push was refused.
 * @returns the commit that it is on; undefined where HEAD has commits of people that the remote lacks, which only they
 * can bring together
 * @throws AllowlistError where the remote cannot be asked
 */
export async function fetchForRetry(
  directory: string,
  { remote, branch }: PushTarget,
): Promise<string | undefined> {
  const git = await openGit(directory, {});
  await attempt(directory, `fetch ${branch} from ${remote}`, () =>
    git.raw(['fetch', '--quiet', '--no-tags', remote, `refs/heads/${branch}`]),
  );
  const head = (await git.raw(['rev-parse', 'FETCH_HEAD'])).trim();
  const ahead = await foreignCommits(git, directory, `${head}..HEAD`);
  return ahead.length === 0 ? head : undefined;
}

/**
 * Moves the branch that is checked out from a commit of this run, which no remote has, to the one that was pushed in
 * its stead, and the files of both with it; other changes in the working tree and in the index stay.
 * @throws AllowlistError where a file that somebody has changed here differs between the two
 */
export async function moveTo(directory: string, commit: string): Promise<void> {
  const git = await openGit(directory, {});
  const head = (await git.raw(['rev-parse', 'HEAD'])).trim();
  await attempt(directory, `bring the working tree to ${commit.slice(0, 12)}`, () =>
    git.raw(['read-tree', '-m', '-u', head, commit]),
  );
  await attempt(directory, `move the branch to ${commit.slice(0, 12)}`, () =>
    git.raw(['update-ref', '-m', 'azure-allowlist: follow the remote', 'HEAD', commit, head]),
  );
}
