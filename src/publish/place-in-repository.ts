import { realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { repositoryAbove } from '../committed/below-repository.ts';
import { attempt, openGit } from '../committed/git-read.ts';
import { nearestFolder } from '../committed/nearest-folder.ts';

/** Where a directory lies in the working tree that holds it. */
export interface PlaceInRepository {
  /** The top of the working tree. */
  readonly root: string;
  /** Of the directory below the root; '' for the root itself. */
  readonly below: string;
}

/**
 * Finds the working tree that a directory lies in, or will lie in once it is made.
 * @throws AllowlistError where git knows none
 */
export async function placeInRepository(directory: string): Promise<PlaceInRepository> {
  const place = await nearestFolder(directory);
  const real = await realpath(place);
  const above = await repositoryAbove(real);
  if (above !== undefined)
    return { root: above.top, below: relative(above.top, join(real, relative(place, directory))) };
  const git = await openGit(place, {});
  const told = await attempt(place, 'find the root of the working tree', () =>
    git.raw(['rev-parse', '--show-toplevel', '--show-prefix']),
  );
  const [root = place, prefix = ''] = told.split('\n');
  const below = join(prefix, relative(place, directory));
  return { root, below: below === '.' ? '' : below };
}
