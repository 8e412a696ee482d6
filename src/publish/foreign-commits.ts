import type { SimpleGit } from 'simple-git';
import { attempt } from '../committed/git-read.ts';

/** Every commit of this tool says so, in its last lines. */
const TRAILER = /^Policy-Digest: [0-9a-f]+$/m;

/** A commit that this tool did not write. */
export interface ForeignCommit {
  readonly commit: string;
  readonly author: string;
  readonly subject: string;
}

/** The commits of a range that this tool did not write, newest first. @throws AllowlistError where git cannot list them */
export async function foreignCommits(git: SimpleGit, place: string, range: string): Promise<ForeignCommit[]> {
  const log = await attempt(place, `list the commits of ${range}`, () =>
    git.raw(['log', '-z', '--format=%H%n%an%n%s%n%B', range]),
  );
  return log
    .split('\0')
    .filter((entry) => entry !== '')
    .flatMap((entry) => {
      const [commit = '', author = '', subject = '', ...message] = entry.split('\n');
      return TRAILER.test(message.join('\n')) ? [] : [{ commit, author, subject }];
    });
}
