import type { FeedWeek } from '../review/review.ts';
import type { TargetSide } from '../review/targets.ts';
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

/** The week of a lock, as the review names it. */
export function weekOfLock({ feed }: Lock): FeedWeek {
  return { cloud: feed.cloud, name: feed.name, fileDate: feed.fileDate, changeNumber: feed.changeNumber };
}
