import { spawn } from 'node:child_process';
import { relative, resolve, sep } from 'node:path';
import type { SimpleGit } from 'simple-git';
import { AllowlistError } from '../problem.ts';
import { attempt, openGit, requireWorkTree } from './git-read.ts';
import { nearestFolder } from './nearest-folder.ts';

/** Everything that was committed below a directory. */
export interface CommittedTree {
  /** The commit's id. */
  readonly commit: string;
  /** The bytes as they are in the repository, as text, by path below the directory; links and modules are left out. */
  readonly files: ReadonlyMap<string, string>;
}

/** What was committed below a directory, as git names it. */
export interface ListedTree {
  /** The commit's id. */
  readonly commit: string;
  /** The object of each file, by path below the directory; links and modules are left out. */
  readonly objects: ReadonlyMap<string, string>;
}

/**
 * Reads a directory as a revision has it, whether or not it stands in the working tree; undefined where the revision
 * or the directory is not there. Three processes, however many files there are.
 * @throws AllowlistError if git cannot be started, or does not read the repository
 */
export async function readGitTree(directory: string, revision: string): Promise<CommittedTree | undefined> {
  const listed = await listGitTree(directory, revision);
  if (listed === undefined) return undefined;
  const paths = [...listed.objects.keys()];
  const texts = await readBlobs(await nearestFolder(directory), [...listed.objects.values()]);
  return { commit: listed.commit, files: new Map(paths.map((path, index) => [path, texts[index]!])) };
}

/**
 * Lists a directory as a revision has it, without reading a file; undefined as for `readGitTree`.
 * @throws AllowlistError if git cannot be started, or does not read the repository
 */
export async function listGitTree(directory: string, revision: string): Promise<ListedTree | undefined> {
  const place = await nearestFolder(directory);
  const git = await openGit(place, {});
  const below = relative(place, resolve(directory)).split(sep).join('/');
  const found = (await findQuickly(git, revision, below)) ?? (await find(git, place, revision, below));
  if (found === undefined) return undefined;
  const { commit, tree } = found;
  const listing = await attempt(directory, `list ${tree}`, () =>
    git.raw(['ls-tree', '-r', '-z', '--full-tree', tree]),
  );
  const entries = listing.split('\0').flatMap((line) => {
    const [, mode, type, object, path] = /^(\d+) (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
    return type === 'blob' && mode !== '120000' ? [[path!, object!] as const] : [];
  });
  return { commit, objects: new Map(entries) };
}

/** A directory of a commit. */
export interface FoundTree {
  readonly commit: string;
  /** What git calls it. */
  readonly tree: string;
}

/** In one process where everything is as it should be; undefined says nothing about what is not. */
export async function findQuickly(
  git: SimpleGit,
  revision: string,
  below: string,
): Promise<FoundTree | undefined> {
  // Anything else might be taken for an option.
  if (!/^[A-Za-z0-9]/.test(revision)) return undefined;
  const said = await git
    .raw([
      'rev-parse',
      '--is-inside-work-tree',
      `${revision}^{commit}`,
      // With the last slash it is a folder or nothing.
      `${revision}^{commit}:./${below === '' ? '' : `${below}/`}`,
    ])
    .catch(() => '');
  const [, commit, tree] = /^true\n([0-9a-f]{40,64})\n([0-9a-f]{40,64})\n$/.exec(said) ?? [];
  return commit === undefined || tree === undefined ? undefined : { commit, tree };
}

/** @throws AllowlistError where git does not read the repository */
async function find(
  git: SimpleGit,
  place: string,
  revision: string,
  below: string,
): Promise<FoundTree | undefined> {
  await requireWorkTree(git, place, 'run in a clone of the repository');
  const commit = await git
    .raw(['rev-parse', '--quiet', '--verify', '--end-of-options', `${revision}^{commit}`])
    .then(
      (id) => id.trim(),
      () => undefined,
    );
  if (commit === undefined) return undefined;
  const tree = `${commit}:./${below}`;
  const kind = await git.raw(['cat-file', '-t', tree]).catch(() => '');
  return kind.trim() === 'tree' ? { commit, tree } : undefined;
}

/** The texts of files that git has. simple-git has no standard input for `cat-file --batch`. @throws AllowlistError */
export async function readBlobs(directory: string, objects: readonly string[]): Promise<string[]> {
  if (objects.length === 0) return [];
  const bytes = await new Promise<Buffer>((done, fail) => {
    const child = spawn('git', ['cat-file', '--batch'], { cwd: directory, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const said: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    child.on('error', fail);
    child.on('close', (status) =>
      status === 0
        ? done(Buffer.concat(out))
        : fail(new AllowlistError(`git cannot read ${directory}: ${Buffer.concat(said).toString().trim()}`)),
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${objects.join('\n')}\n`);
  });
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const head = bytes.toString('utf8', at, end);
    const size = Number(/ blob (\d+)$/.exec(head)?.[1]);
    if (!Number.isInteger(size)) throw new AllowlistError(`git cannot read ${directory}: ${head}`);
    texts.push(bytes.toString('utf8', end + 1, end + 1 + size));
    at = end + 1 + size + 1;
  }
  return texts;
}
