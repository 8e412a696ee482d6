import { Admission } from '../policy/admission.ts';
import { readTarget, type TargetInForce } from './in-force.ts';
import { fileDigest, type OutputTree } from './output-tree.ts';
import type { UnreadLine } from './readable-rest.ts';

/** Rule files that say something else than a run wrote: edited by hand, by a hook or by a filter. */
export interface Drift {
  /** What a run found; or, where two trees are compared, which of them has it. */
  readonly where: 'committed' | 'working tree' | 'directory' | 'before' | 'after';
  readonly target: string;
  /** Relative to the output tree. */
  readonly files: readonly string[];
  /** What they let through and should not; where lines cannot be read, what the others do. */
  readonly lets: Admission;
  /** What they should let through and do not; where lines cannot be read, what the others do not. */
  readonly lacks: Admission;
  /** What the files that a run writes in their place let through; undefined where none are, or it is not known. */
  readonly planned?: Admission | undefined;
  /** Why it cannot be said what they let through; undefined where it can. */
  readonly problem: string | undefined;
  /** The lines that cannot be read, with paths relative to the output tree; absent where none can be told apart. */
  readonly unread?: readonly UnreadLine[] | undefined;
}

/** Drift of the rule files of a tree as it was read: edited after they were written. */
export function driftInForce(inForce: ReadonlyMap<string, TargetInForce>, where: Drift['where']): Drift[] {
  return [...inForce].flatMap(([id, found]) =>
    found.edited.length === 0 ? [] : [driftOf(where, id, found.edited, found)],
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
    const read = await readTarget(tree, new Map([...tree.files, ...changed]), id, locked);
    found.push(driftOf('working tree', id, edited, read));
  }
  return found;
}

function driftOf(
  where: Drift['where'],
  target: string,
  files: readonly string[],
  { plan, admission, problem, readable }: TargetInForce,
): Drift {
  const found = admission ?? readable?.admission;
  const meant = plan?.admission;
  const isRead = meant !== undefined && found !== undefined;
  return {
    where,
    target,
    files,
    lets: isRead ? found.difference(meant) : Admission.empty,
    lacks: isRead ? meant.difference(found) : Admission.empty,
    problem: isRead && admission !== undefined ? undefined : (problem ?? 'its format is not known'),
    ...(isRead && readable !== undefined
      ? { unread: readable.unread.map((one) => ({ ...one, path: `${target}/${one.path}` })) }
      : {}),
  };
}
