import type { DiffContext } from '../policy/diff/notes.ts';
import { recentAt } from '../policy/diff/recent-gains.ts';
import type { FeedWeek } from '../review/review.ts';
import type { TargetSide } from '../review/targets.ts';
import { azureSpaceOf } from './azure-space.ts';
import { readDeclared } from './declared.ts';
import type { Lock } from './lock.ts';
import type { OutputTree } from './output-tree.ts';

/** The targets of a published tree, as the review compares them. */
export function targetSides({ lock, files }: OutputTree): [string, TargetSide][] {
  return Object.entries(lock.targets).map(([id, target]) => [
    id,
    {
      plan: {
        omissions: target.omissions.map((omission) => ({ ...omission, omitted: readDeclared(omission) })),
        widenings: target.widenings.map((widening) => ({ ...widening, admitted: readDeclared(widening) })),
      },
      files: [...files]
        .filter(([path]) => path.startsWith(`${id}/`))
        .map(([path, text]) => ({ path: path.slice(id.length + 1), text })),
      entries: target.entries,
    },
  ]);
}

/**
 * What a published tree remembers beside its policy, for the notes on a change to a feed of that date.
 * @throws AllowlistError for a file of the tree that is not as it was generated
 */
export function contextOfTree(tree: OutputTree, date: string | undefined): DiffContext {
  const addresses = azureSpaceOf(tree);
  return {
    ...(addresses === undefined ? {} : { previousSpace: { date: tree.lock.feed.fileDate, addresses } }),
    recentGains: recentAt(tree.recentGains, date),
  };
}

/** The week of a lock, as the review names it. */
export function weekOfLock({ feed }: Lock): FeedWeek {
  return { cloud: feed.cloud, name: feed.name, fileDate: feed.fileDate, changeNumber: feed.changeNumber };
}
