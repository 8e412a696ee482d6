import type { Admission } from '../policy/admission.ts';
import type { DiffContext } from '../policy/diff/notes.ts';
import { recentAt } from '../policy/diff/recent-gains.ts';
import type { FeedWeek } from '../review/review.ts';
import type { TargetSide } from '../review/targets.ts';
import { admissionsByRule } from '../targets/plan.ts';
import { knownSpaceOf } from './azure-space.ts';
import { readDeclared } from './declared.ts';
import { filesOfTarget, type TargetInForce } from './in-force.ts';
import type { Lock } from './lock.ts';
import type { OutputTree } from './output-tree.ts';

/** The targets of a published tree, as the review compares them. */
export function targetSides(
  { lock, files }: OutputTree,
  inForce: ReadonlyMap<string, TargetInForce>,
): [string, TargetSide][] {
  return Object.entries(lock.targets).map(([id, target]) => [
    id,
    {
      admission: inForce.get(id)?.admission,
      problem: inForce.get(id)?.problem,
      byRule: byRuleOf(inForce.get(id)),
      lists: inForce.get(id)?.lists,
      options: target.options,
      plan: {
        omissions: target.omissions.map((omission) => ({ ...omission, omitted: readDeclared(omission) })),
        widenings: target.widenings.map((widening) => ({ ...widening, admitted: readDeclared(widening) })),
      },
      files: filesOfTarget(files, id),
      entries: target.entries,
    },
  ]);
}

function byRuleOf(inForce: TargetInForce | undefined): ReadonlyMap<string, Admission> {
  return inForce?.plan === undefined ? new Map() : admissionsByRule(inForce.plan);
}

/**
 * What a published tree remembers beside its policy, for the notes on a change to a feed of that date.
 * @throws AllowlistError for a file of the tree that is not as it was generated
 */
export function contextOfTree(tree: OutputTree, date: string | undefined): DiffContext {
  const addresses = knownSpaceOf(tree);
  return {
    ...(addresses === undefined ? {} : { previousSpace: { date: tree.lock.feed.fileDate, addresses } }),
    recentGains: recentAt(tree.recentGains, date),
    leftOut: tree.leftOut,
  };
}

/** The week of a lock, as the review names it. */
export function weekOfLock({ feed }: Lock): FeedWeek {
  return { cloud: feed.cloud, name: feed.name, fileDate: feed.fileDate, changeNumber: feed.changeNumber };
}
