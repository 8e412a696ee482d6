import type { KeyObject } from 'node:crypto';
import { Admission } from '../policy/admission.ts';
import type { LockState } from '../policy/guards/guard.ts';
import { AllowlistError, type Problem } from '../problem.ts';
import { buildTarget, proveReadBack, proveSettings } from '../targets/build.ts';
import { addressEntries } from '../targets/plan.ts';
import type { RuleFile } from '../targets/render.ts';
import { readSpace, SPACE_FILES } from './azure-space.ts';
import { LOCK_FILE, type Lock, readFitSettings, stateOfLock, targetOfLock } from './lock.ts';
import { planLockedTarget } from './locked-target.ts';
import { CHECK_OUT_AGAIN, fileDigest, hasOtherLineEnds, type OutputTree } from './output-tree.ts';
import { isSignedBy } from './signature.ts';

/** What a verification found; no problems, no doubt. */
export interface Verification {
  readonly files: number;
  readonly targets: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Proves a published tree: every file is byte for byte what the lock names, and every target's files, read
 * back from their text, admit exactly the policy, less its omissions, plus its widenings.
 * @param publicKey whose signature the lock must carry
 */
export async function verifyTree(tree: OutputTree, publicKey?: KeyObject): Promise<Verification> {
  const problems: Problem[] = [];
  for (const [path, digest] of Object.entries(tree.lock.files)) {
    if (SPACE_FILES.includes(path)) continue;
    const text = tree.files.get(path);
    if (text === undefined) problems.push({ where: path, what: 'is missing' });
    else if (hasOtherLineEnds(text, digest))
      problems.push({
        where: path,
        what: 'its lines end with CR LF, as core.autocrlf=true makes them',
        next: CHECK_OUT_AGAIN,
      });
    else if (fileDigest(text) !== digest)
      problems.push({
        where: path,
        what: 'was edited after it was generated',
        next: 'run the job to restore it',
      });
  }
  for (const path of SPACE_FILES) problems.push(...verifySpace(tree, path));
  const hasSigned = (digest: string, signature: string) => isSignedBy(publicKey!, digest, signature);
  const lock =
    LOCK_PROBLEMS[stateOfLock(tree.lock, tree.lockText, publicKey === undefined ? undefined : hasSigned)];
  if (lock !== undefined)
    problems.push({ where: LOCK_FILE, what: lock, next: 'restore it from the repository' });
  const targets = Object.entries(tree.lock.targets);
  for (const [id, locked] of targets) problems.push(...(await verifyTarget(tree, id, locked)));
  return { files: Object.keys(tree.lock.files).length, targets: targets.map(([id]) => id), problems };
}

/** What is wrong with a lock, by its state. */
const LOCK_PROBLEMS: Readonly<Partial<Record<LockState, string>>> = {
  edited: 'was edited after a run wrote it',
  unsigned: 'carries no signature',
  'signed by another': 'is not signed by the owner of this public key',
};

/** No run restores these files: the tree remembers earlier feeds by them. */
function verifySpace(tree: OutputTree, path: string): Problem[] {
  try {
    readSpace(tree, path);
    return [];
  } catch (error) {
    if (error instanceof AllowlistError) return [{ where: path, what: error.message }];
    throw error;
  }
}

async function verifyTarget(
  tree: OutputTree,
  id: string,
  locked: Lock['targets'][string],
): Promise<readonly Problem[]> {
  let planned: Awaited<ReturnType<typeof planLockedTarget>>;
  try {
    planned = await planLockedTarget(tree, id, locked);
  } catch (error) {
    if (error instanceof AllowlistError) return [{ where: `target ${id}`, what: error.message }];
    throw error;
  }
  const { target, plan } = planned;
  const problems: Problem[] = [];
  const request = { id, target, options: locked.options };
  const entries = addressEntries(plan);
  const expected = targetOfLock(request, { id, plan, files: [], entries }, undefined);
  if (entries !== locked.entries)
    problems.push({
      where: `target ${id}`,
      what: `the lock says ${locked.entries} address entries, the policy gives ${entries}`,
      next: 'run the job again',
    });
  for (const kind of ['omissions', 'widenings'] as const)
    if (JSON.stringify(expected[kind]) !== JSON.stringify(locked[kind]))
      problems.push({
        where: `target ${id}`,
        what: `the lock does not declare the ${kind} that this version finds`,
        next: 'run the job again',
      });
  const files = [...tree.files]
    .filter(([path]) => path.startsWith(`${id}/`))
    .map(([path, text]): RuleFile => ({ path: path.slice(id.length + 1), text }));
  // A target of which nothing is left has no files, and nothing to read.
  if (files.length === 0 && plan.admission.equals(Admission.empty)) return problems;
  try {
    const found = [...proveReadBack(target, plan, files), ...proveSettings(target, locked.options, files)];
    const all = [...problems, ...found.map((problem) => ({ ...problem, where: id }))];
    if (all.length > 0 || target.vendor.renderedAnew !== true) return all;
    // What the files remember, they say themselves.
    const inForce = new Map(files.map(({ path, text }) => [path, text]));
    const again = buildTarget(tree.policy, { ...request, ...readFitSettings(locked), inForce });
    return again.files
      .filter(({ path, text }) => tree.files.get(`${id}/${path}`) !== text)
      .map(({ path }) => ({ where: `${id}/${path}`, what: 'is not what the policy of the lock gives' }));
  } catch (error) {
    if (error instanceof AllowlistError) return [...problems, { where: id, what: error.message }];
    throw error;
  }
}
