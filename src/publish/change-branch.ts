import { attempt, openGit } from '../committed/git-read.ts';
import { nearestFolder } from '../committed/nearest-folder.ts';
import { AllowlistError } from '../problem.ts';
import { type ForeignCommit, foreignCommits } from './foreign-commits.ts';
import { withoutCredentials } from './push.ts';

/** What is on the branch of a change, on the remote. */
export interface ChangeBranch {
  /** Undefined where there is no such branch. */
  readonly head: string | undefined;
  /** Commits on it that this tool did not write, and that the base does not have: newest first. */
  readonly foreign: readonly ForeignCommit[];
}

/**
 * Fetches the branch of a change and tells what people have added to it since.
 * @param base the revision that the change is for
 * @throws AllowlistError where the remote cannot be asked
 */
export async function readChangeBranch(
  directory: string,
  { remote, branch, base }: { readonly remote: string; readonly branch: string; readonly base: string },
): Promise<ChangeBranch> {
  const place = await nearestFolder(directory);
  const git = await openGit(place, {});
  const listed = await attempt(place, `ask ${remote} for its branches`, () =>
    git.raw(['ls-remote', '--heads', remote, `refs/heads/${branch}`]),
  );
  const head = /^([0-9a-f]{40,64})\t/.exec(listed)?.[1];
  if (head === undefined) return { head, foreign: [] };
  await attempt(place, `fetch ${branch} from ${remote}`, () =>
    git.raw(['fetch', '--quiet', '--no-tags', remote, `refs/heads/${branch}`]),
  );
  return { head, foreign: await foreignCommits(git, place, `${base}..${head}`) };
}

/** Whether two commits have the same bytes in a directory. */
export async function sameIn(directory: string, one: string, other: string): Promise<boolean> {
  const git = await openGit(directory, {});
  return git.raw(['diff', '--quiet', '--no-ext-diff', one, other, '--', '.']).then(
    () => true,
    () => false,
  );
}

/**
 * Pushes a commit to the branch of a change in place of what this tool pushed before; a branch that somebody has moved
 * meanwhile is left alone.
 * @param expected the head that the branch had when it was read; undefined where it was not there
 * @throws AllowlistError where the remote does not take it
 */
export async function pushChange(
  directory: string,
  {
    remote,
    branch,
    commit,
    expected,
  }: {
    readonly remote: string;
    readonly branch: string;
    readonly commit: string;
    readonly expected: string | undefined;
  },
): Promise<void> {
  const git = await openGit(await nearestFolder(directory), {});
  const reference = `refs/heads/${branch}`;
  try {
    await git.raw([
      'push',
      '--porcelain',
      `--force-with-lease=${reference}:${expected ?? ''}`,
      remote,
      `${commit}:${reference}`,
    ]);
  } catch (cause) {
    const said = (cause as Error).message.trim();
    const isMoved = said.includes('stale info');
    throw new AllowlistError(
      `${remote} did not take the change`,
      [
        {
          where: `${remote}, branch ${branch}`,
          what: isMoved
            ? 'somebody has pushed to it in this very moment; nothing was overwritten'
            : withoutCredentials(said),
          next: isMoved ? 'run again' : 'look at the address, the rights and the rules of the branch',
        },
      ],
      { cause },
    );
  }
}
