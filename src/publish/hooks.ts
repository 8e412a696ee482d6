import { access, constants, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { SimpleGit } from 'simple-git';

/** The hooks that can refuse a commit, in the order in which git runs them. */
const BEFORE_THE_MESSAGE = ['pre-commit'] as const;
const ON_THE_MESSAGE = ['prepare-commit-msg', 'commit-msg'] as const;
/** The hooks that run around a commit. */
export const COMMIT_HOOKS = [...BEFORE_THE_MESSAGE, ...ON_THE_MESSAGE, 'post-commit'] as const;

/** `git commit` ends with this where a hook refuses, and with 128 where it fails by itself. */
const REFUSED = 1;

/** Where git looks for hooks; absolute. */
export async function hooksFolder(git: SimpleGit, directory: string): Promise<string> {
  return resolve(directory, (await git.raw(['rev-parse', '--git-path', 'hooks'])).trim());
}

/**
 * Looks on while git makes a commit.
 *
 * git writes the message to `COMMIT_EDITMSG` after pre-commit has let the commit pass and before the hooks on the message
 * run (<https://git-scm.com/docs/githooks>): that file tells which of them refused.
 */
export async function watchHooks(
  git: SimpleGit,
  directory: string,
): Promise<{ readonly refused: (exitCode: number | undefined) => Promise<string[]> }> {
  const message = resolve(directory, (await git.raw(['rev-parse', '--git-path', 'COMMIT_EDITMSG'])).trim());
  const written = async () => (await stat(message, { bigint: true }).catch(() => undefined))?.mtimeNs;
  const before = await written();
  return {
    /** The paths of the hooks of which one refused; none where git failed by itself. */
    refused: async (exitCode) => {
      if (exitCode !== REFUSED) return [];
      const folder = await hooksFolder(git, directory);
      const names = (await written()) === before ? BEFORE_THE_MESSAGE : ON_THE_MESSAGE;
      const paths = names.map((name) => join(folder, name));
      const runs = await Promise.all(paths.map(isExecutable));
      return paths.filter((_, index) => runs[index]);
    },
  };
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
