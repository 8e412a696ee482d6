import { Admission } from '../policy/admission.ts';
import { readTarget, type TargetInForce } from './in-force.ts';
import { fileDigest, type OutputTree } from './output-tree.ts';

/** Rule files that say something else than a run wrote: edited by hand, by a hook or by a filter. */
export interface Drift {
  /** What a run found; or, where two trees are compared, which of them has it. */
  readonly where: 'committed' | 'working tree' | 'directory' | 'before' | 'after';
  readonly target: string;
  /** Relative to the output tree. */
  readonly files: readonly string[];
  /** What they let through and should not. */
  readonly lets: Admission;
  /** What they should let through and do not. */
  readonly lacks: Admission;
  /** What the files that a run writes in their place let through; undefined where none are, or it is not known. */
  readonly planned?: Admission | undefined;
  /** Why it cannot be said what they let through; undefined where it can. */
  readonly problem: string | undefined;
}

/** Drift of the rule files of a tree as it was read: edited after they were written. */
export function driftInForce(inForce: ReadonlyMap<string, TargetInForce>, where: Drift['where']): Drift[] {
  return [...inForce].flatMap(([id, { admission, problem, plan, edited }]) =>
    edited.length === 0 ? [] : [driftOf(where, id, edited, plan?.admission, admission, problem)],
  );
}

/**
 * Drift of the rule files in a working tree: they are neither those of the commit nor those of a run that wrote and
 * did not commit.
 * @param disk by path; what is not there was removed, which a sparse or fresh checkout does as well: no drift
 * @param written the digests of the lock that lies on the disk
 */
export async function driftOnDisk(
  tree: OutputTree,
  disk: ReadonlyMap<string, string>,
  written: Readonly<Record<string, string>>,
): Promise<Drift[]> {
  const found: Drift[] = [];
  for (const [id, locked] of Object.entries(tree.lock.targets)) {
    const edited = Object.keys(tree.lock.files).filter((path) => {
      const text = disk.get(path);
      if (text === undefined || !path.startsWith(`${id}/`)) return false;
      const digest = fileDigest(text.replaceAll('\r\n', '\n'));
      return text !== tree.files.get(path) && digest !== tree.lock.files[path] && digest !== written[path];
    });
    if (edited.length === 0) continue;
    const changed = new Map(edited.map((path) => [path, disk.get(path)!]));
    const { plan, admission, problem } = await readTarget(
      tree,
      new Map([...tree.files, ...changed]),
      id,
      locked,
    );
    found.push(driftOf('working tree', id, edited, plan?.admission, admission, problem));
  }
  return found;
}

function driftOf(
  where: Drift['where'],
  target: string,
  files: readonly string[],
  meant: Admission | undefined,
  found: Admission | undefined,
  problem: string | undefined,
): Drift {
  if (meant === undefined || found === undefined)
    return {
      where,
      target,
      files,
      lets: Admission.empty,
      lacks: Admission.empty,
      problem: problem ?? 'its format is not known',
    };
  return {
    where,
    target,
    files,
    lets: found.difference(meant),
    lacks: meant.difference(found),
    problem: undefined,
  };
}
