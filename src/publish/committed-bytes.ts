import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimpleGit } from 'simple-git';
import { openGit } from '../committed/git-read.ts';
import { listGitTree, readBlobs } from '../committed/git-tree.ts';
import { nearestFolder } from '../committed/nearest-folder.ts';
import { AllowlistError, type Problem } from '../problem.ts';
import { type Committed, takeBack } from './git.ts';
import { COMMIT_HOOKS, hooksFolder } from './hooks.ts';

/** What differs between a file that was planned and the same file in a commit. */
export interface Altered {
  readonly path: string;
  /** As committed; undefined where the commit does not have it. */
  readonly committed: string | undefined;
}

/** What a commit was to hold. */
export interface Planned {
  /** By path below the directory. */
  readonly files: ReadonlyMap<string, string>;
  /** Paths that must not be in the commit any more. */
  readonly removed: readonly string[];
  /** The commit that was made for it; undefined where nothing differed. */
  readonly commit: Pick<Committed, 'commit' | 'parent'> | undefined;
}

/**
 * Compares the blobs of HEAD with the bytes that were planned: hooks and filters may change what is committed. A commit
 * with other bytes is taken back: the branch ends where it did, the working tree stays.
 * @param describe says what a difference means for what devices let through, by the folder of a target
 * @throws AllowlistError naming each file, and the hook or filter that changed it
 */
export async function requireCommitted(
  directory: string,
  { files, removed, commit }: Planned,
  describe: (altered: readonly Altered[]) => Promise<ReadonlyMap<string, string>>,
): Promise<void> {
  const tree = await listGitTree(directory, 'HEAD');
  const objects = tree?.objects ?? new Map<string, string>();
  const other = [
    ...[...files].flatMap(([path, text]) => {
      const object = objects.get(path);
      return object !== undefined && object === objectOf(text, object.length) ? [] : [path];
    }),
    ...removed.filter((path) => !files.has(path) && objects.has(path)),
  ];
  if (other.length === 0) return;
  const found = other.flatMap((path) => objects.get(path) ?? []);
  const texts = await readBlobs(await nearestFolder(directory), found);
  const altered = other.map((path): Altered => {
    const object = objects.get(path);
    return { path, committed: object === undefined ? undefined : texts[found.indexOf(object)] };
  });
  const git = await openGit(directory, {});
  const means = await describe(altered);
  const problems: Problem[] = [];
  for (const { path, committed } of altered) {
    const cause = await causeOf(git, directory, path, files.get(path));
    const change =
      committed === undefined ? 'is not in the commit' : 'was committed with other bytes than were planned';
    const effect = [...means].find(([folder]) => path.startsWith(`${folder}/`))?.[1];
    problems.push({
      where: join(directory, path),
      what: `${change}${effect === undefined ? '' : ` (${effect})`}: ${cause}`,
    });
  }
  const head = tree?.commit.slice(0, 12) ?? 'HEAD';
  throw new AllowlistError(
    commit !== undefined && (await takeBack(directory, commit))
      ? `nothing was committed: git made other bytes of the files than were planned (commit ${commit.commit.slice(0, 12)}, taken back); mend the cause, and run again`
      : `commit ${head} does not hold what was planned; do not push it: take it back with \`git reset --soft ${head}~1 && git reset -q -- ${directory}\`, mend the cause, and run again`,
    problems,
  );
}

/** What git calls a file of these bytes: SHA-1, or SHA-256 where the repository is of that form. */
function objectOf(text: string, length: number): string {
  const bytes = Buffer.from(text);
  return createHash(length === 40 ? 'sha1' : 'sha256')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex');
}

async function causeOf(
  git: SimpleGit,
  directory: string,
  path: string,
  planned: string | undefined,
): Promise<string> {
  const onDisk = await readFile(join(directory, path), 'utf8').catch(() => undefined);
  if (onDisk !== planned) return `a hook changed the file (${await hooksOf(git, directory)})`;
  const attributes = await git
    .raw(['check-attr', 'filter', 'text', 'eol', 'working-tree-encoding', '--', path])
    .catch(() => '');
  const set = [...attributes.matchAll(/: ([\w-]+): (.+)$/gm)]
    .filter(([, , value]) => value !== 'unspecified' && value !== 'unset')
    .map(([, name, value]) => `${name}=${value}`);
  const filter = set.find((one) => one.startsWith('filter='));
  if (filter !== undefined)
    return `a clean filter changed it (${filter}, which .gitattributes or .git/info/attributes sets)`;
  const autocrlf = (await git.raw(['config', '--get', 'core.autocrlf']).catch(() => '')).trim();
  if (autocrlf === 'true' || autocrlf === 'input')
    return `git changed its line ends (core.autocrlf=${autocrlf})`;
  return set.length > 0
    ? `git changed it by its attributes (${set.join(', ')})`
    : `a hook committed something else (${await hooksOf(git, directory)})`;
}

async function hooksOf(git: SimpleGit, directory: string): Promise<string> {
  const folder = await hooksFolder(git, directory);
  const there = await readdir(folder).catch((): string[] => []);
  const hooks = COMMIT_HOOKS.filter((name) => there.includes(name));
  return `look at ${(hooks.length === 0 ? COMMIT_HOOKS : hooks).join(', ')} in ${folder}`;
}
