import { Admission } from '../policy/admission.ts';
import { AllowlistError } from '../problem.ts';
import { listsByRule, readFiles } from '../targets/build.ts';
import type { Capabilities } from '../targets/manifest.ts';
import type { TargetPlan } from '../targets/plan.ts';
import type { RuleFile } from '../targets/render.ts';
import { inOrder } from './any-order.ts';
import type { Lock } from './lock.ts';
import { planLockedTarget } from './locked-target.ts';
import { fileDigest, type OutputTree } from './output-tree.ts';
import { type ReadableRest, readableRest } from './readable-rest.ts';

/** What one target's rule files of a tree let through. */
export interface TargetInForce {
  /** Read back from the text of the files; undefined where that is not possible. */
  readonly admission: Admission | undefined;
  /** Why not; undefined where it is. */
  readonly problem: string | undefined;
  /** What the lines let through that can be read, where others cannot; undefined where all can be read, or none. */
  readonly readable?: ReadableRest | undefined;
  /** What the list of each rule lets through, where the format keeps rules apart; read back from the text as well. */
  readonly lists?: ReadonlyMap<string, Admission> | undefined;
  /** What the run that wrote the files meant; undefined where the format is not at hand any more. */
  readonly plan: TargetPlan | undefined;
  readonly addressMatch: Capabilities['addressMatch'] | undefined;
  /** Address entries that the format allows; undefined where it sets no limit or is not at hand. */
  readonly limit: number | undefined;
  /** The files of the target that are not as the lock names them, or are gone: relative to the tree, sorted. */
  readonly edited: readonly string[];
}

/** Plans a target again that a lock names; `planLockedTarget` unless told. */
export type LockedPlanner = typeof planLockedTarget;

/** Reads back what the rule files of a tree let through, by target. */
export async function readInForce(
  tree: OutputTree,
  plan: LockedPlanner = planLockedTarget,
): Promise<ReadonlyMap<string, TargetInForce>> {
  const found = new Map<string, TargetInForce>();
  for (const [id, locked] of Object.entries(tree.lock.targets))
    found.set(id, await readTarget(tree, tree.files, id, locked, plan));
  return found;
}

/**
 * Reads back one target as other files have it, with the lock and the policy of the tree.
 * @param files by path relative to the tree
 */
export async function readTarget(
  tree: OutputTree,
  files: ReadonlyMap<string, string>,
  id: string,
  locked: Lock['targets'][string],
  plan: LockedPlanner = planLockedTarget,
): Promise<TargetInForce> {
  const edited = Object.entries(tree.lock.files)
    .filter(([path]) => path.startsWith(`${id}/`))
    .filter(([path, digest]) => {
      const text = files.get(path);
      return text === undefined || fileDigest(text) !== digest;
    })
    .map(([path]) => path)
    .sort();
  const unknown = (error: unknown): TargetInForce => {
    if (!(error instanceof AllowlistError)) throw error;
    // The message lists the problems, a line each.
    const problem = error.message.split(/\n\s*/).join('; ');
    return {
      admission: undefined,
      problem,
      plan: undefined,
      addressMatch: undefined,
      limit: undefined,
      edited,
    };
  };
  let planned: Awaited<ReturnType<LockedPlanner>>;
  try {
    planned = await plan(tree, id, locked);
  } catch (error) {
    return unknown(error);
  }
  const known = {
    plan: planned.plan,
    addressMatch: planned.target.manifest.capabilities.addressMatch,
    limit: planned.target.manifest.limits.entries,
    edited,
  };
  const own = filesOfTarget(files, id);
  // A target of which nothing is left has no files.
  if (own.length === 0 && edited.length === 0)
    return { ...known, admission: Admission.empty, problem: undefined };
  const read = (texts: readonly RuleFile[]): TargetInForce => ({
    ...known,
    admission: readFiles(planned.target, texts).admission,
    lists: listsByRule(planned.target, planned.plan, texts),
    problem: undefined,
  });
  try {
    return read(own);
  } catch (error) {
    // Files of another version of the format, untouched: the run that wrote them proved what they say.
    if (edited.length === 0 && error instanceof AllowlistError)
      return { ...known, admission: planned.plan.admission, problem: undefined };
    const touched = new Set(edited);
    try {
      const tidied = own.map((file) => (touched.has(`${id}/${file.path}`) ? inOrder(file) : file));
      return read(tidied);
    } catch {
      const readable = readableRest(
        own,
        (path) => touched.has(`${id}/${path}`),
        (texts) => readFiles(planned.target, texts).admission,
      );
      return { ...unknown(error), ...known, admission: undefined, readable };
    }
  }
}

/** The rule files of a target, with paths relative to its folder. */
export function filesOfTarget(files: ReadonlyMap<string, string>, id: string): RuleFile[] {
  return [...files]
    .filter(([path]) => path.startsWith(`${id}/`))
    .map(([path, text]) => ({ path: path.slice(id.length + 1), text }));
}
