import { join } from 'node:path';
import { attempt, gitDirectory, openGit } from '../committed/git-read.ts';
import { nearestFolder } from '../committed/nearest-folder.ts';
import { placeInRepository } from './place-in-repository.ts';
import { WORK_TREE, withScratch } from './scratch.ts';

/**
 * Checks a revision out into a working tree of its own below git's directory, for the time of the work: the branch,
 * the index and the files of the user's working tree stay as they are.
 * @param work gets the place of the directory in that working tree
 * @throws AllowlistError where git cannot make it
 */
export async function withWorkTree<T>(
  directory: string,
  revision: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const place = await nearestFolder(directory);
  const git = await openGit(place, {});
  const { root, below } = await placeInRepository(directory);
  return withScratch(directory, await gitDirectory(git, place), async (scratch) => {
    const tree = join(scratch, WORK_TREE);
    try {
      await attempt(root, `check ${revision} out beside the working tree`, () =>
        git.raw(['worktree', 'add', '--quiet', '--detach', tree, revision]),
      );
      return await work(join(tree, below));
    } finally {
      await git.raw(['worktree', 'remove', '--force', '--force', tree]).catch(() => undefined);
    }
  });
}
