import { join } from 'node:path';
import { driftInForce } from './committed/drift.ts';
import { readInForce } from './committed/in-force.ts';
import { nearestFolder } from './committed/nearest-folder.ts';
import { filesReader, readOutputTree } from './committed/output-tree.ts';
import type { GitConfig } from './config/config.ts';
import type { RunPlan } from './pipeline.ts';
import { AllowlistError } from './problem.ts';
import { ciBranch } from './publish/ci-branch.ts';
import { type Altered, requireCommitted } from './publish/committed-bytes.ts';
import { type CommitMessage, commitTree } from './publish/git.ts';
import {
  BehindRemote,
  fetchForRetry,
  moveTo,
  type PushTarget,
  push,
  settleOnBranch,
} from './publish/push.ts';
import { requireReady } from './publish/ready.ts';
import type { TakeBack } from './publish/take-back.ts';
import { withWorkTree } from './publish/work-tree.ts';
import { differenceInWords } from './review/sections/drift.ts';

/** A tree that a run has written, as much of it as a commit needs. */
export interface WrittenTree {
  /** Where it lies below the directory of the commit; '' for the directory itself. */
  readonly below: string;
  readonly plan: Pick<RunPlan, 'files' | 'managed'>;
}

/**
 * Commits exactly what the tool manages of one or several trees: the files of this run, and those that earlier runs wrote.
 * @param directory of the commit: a tree, or a folder above several
 * @param takeBack takes back what was written, where git refuses the commit: what nobody has committed is in force nowhere
 * @returns the commit's id; undefined where nothing differs from HEAD
 * @throws AllowlistError where git refuses them, or makes other bytes of them
 */
export async function commitTrees(
  directory: string,
  trees: readonly WrittenTree[],
  message: CommitMessage,
  takeBack?: TakeBack,
): Promise<string | undefined> {
  const all = <T>(of: (tree: WrittenTree, path: (name: string) => string) => Iterable<T>): T[] =>
    trees.flatMap((tree) => [...of(tree, (name) => join(tree.below, name))]);
  const files = new Map(all(({ plan }, path) => [...plan.files].map(([name, text]) => [path(name), text])));
  const managed = all(({ plan }, path) => plan.managed.map(path));
  const result = await commitTree(directory, message, {
    paths: [...new Set([...files.keys(), ...managed])].sort(),
  }).catch(async (error: unknown) => {
    await takeBack?.();
    throw error;
  });
  const commit = 'commit' in result ? result : undefined;
  await requireCommitted(directory, { files, removed: managed, commit }, async (altered) => {
    const effects = new Map<string, string>();
    for (const { below, plan } of trees)
      for (const [target, words] of await effectsOf(join(directory, below), plan, ownOf(below, altered)))
        effects.set(join(below, target), words);
    return effects;
  });
  return commit?.commit;
}

/** The altered files of one tree, by their paths in it. */
function ownOf(below: string, altered: readonly Altered[]): Altered[] {
  const start = below === '' ? '' : `${below}/`;
  return altered.flatMap(({ path, ...rest }) =>
    path.startsWith(start) ? [{ path: path.slice(start.length), ...rest }] : [],
  );
}

/** What altered rule files let through beyond, or lack of, what was planned, by target. */
async function effectsOf(
  directory: string,
  { files }: Pick<RunPlan, 'files'>,
  altered: readonly Altered[],
): Promise<ReadonlyMap<string, string>> {
  if (altered.length === 0) return new Map();
  const planned = await readOutputTree(filesReader(directory, files));
  if (planned === undefined) return new Map<string, string>();
  const found = new Map(files);
  for (const { path, committed } of altered)
    if (committed === undefined) found.delete(path);
    else found.set(path, committed);
  const drift = driftInForce(await readInForce({ ...planned, files: found }), 'committed');
  return new Map(drift.map((one) => [one.target, differenceInWords(one)]));
}

/** How often a push is tried again that others were faster than. */
const PUSH_RETRIES = 3;

/**
 * Pushes the commit of this run. Where somebody else has pushed, the run is compared with what they pushed, and its
 * commit is made anew upon theirs; nothing is forced.
 * @param again writes and commits the run in the working tree of what they pushed
 * @returns what became of it then; undefined where the first push was taken
 * @throws BehindRemote where people have to bring both together
 */
export async function pushOrRetry<T extends { readonly commit: string | undefined }>(
  directory: string,
  target: PushTarget,
  again: (directory: string) => Promise<T>,
  report: (line: string) => void,
): Promise<T | undefined> {
  let behind: BehindRemote;
  try {
    await push(directory, target);
    return undefined;
  } catch (error) {
    if (!(error instanceof BehindRemote)) throw error;
    behind = error;
  }
  for (let attempt = 1; attempt <= PUSH_RETRIES; attempt++) {
    const head = await fetchForRetry(directory, target);
    if (head === undefined) throw behind;
    report(
      `${target.remote}, branch ${target.branch}: somebody else has pushed; compared with ${head.slice(0, 12)} anew`,
    );
    try {
      const result = await withWorkTree(directory, head, async (elsewhere) => {
        const made = await again(elsewhere);
        if (made.commit !== undefined) await push(elsewhere, target);
        return made;
      });
      await moveTo(directory, result.commit ?? head);
      return result;
    } catch (error) {
      if (!(error instanceof BehindRemote)) throw error;
      behind = error;
    }
  }
  throw behind;
}

/**
 * Checks that a commit will be possible, and puts a detached HEAD on the configured branch, or the CI's.
 * @returns the branch that the commit will be on
 * @throws AllowlistError before the first byte is written
 */
export async function readyBranch(
  directory: string,
  { branch: wanted }: GitConfig,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  await requireReady(directory, { mayBeDetached: true });
  const place = await nearestFolder(directory);
  const branch = await settleOnBranch(place, wanted ?? ciBranch(environment));
  if (branch === undefined) await requireReady(directory);
  if (wanted !== undefined && branch !== wanted)
    throw new AllowlistError('nothing was written: another branch is checked out', [
      {
        where: place,
        what: `HEAD is on ${branch}, publish.git.branch is ${wanted}`,
        next: `git switch ${wanted}`,
      },
    ]);
  return branch;
}
