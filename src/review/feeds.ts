import type { Snapshot } from '../feed/snapshot.ts';
import { diffSnapshots } from '../policy/diff/snapshots.ts';
import type { FeedWeek, Review } from './review.ts';

/**
 * The review of two feeds without a configuration.
 * @param names the files' names, without directories
 * @param tags exact names of the tags to compare; all where not given
 */
export function reviewFeeds(
  before: Snapshot,
  after: Snapshot,
  names: { readonly before: string; readonly after: string },
  tags?: ReadonlySet<string>,
): Review {
  return {
    scope: 'feeds',
    feed: { before: feedWeek(before, names.before), after: feedWeek(after, names.after) },
    diff: diffSnapshots(before, after, tags),
    targets: [],
    guards: [],
    acceptances: [],
    coverage: [],
  };
}

/** A snapshot as a review names it; `name` is the file's, without a directory. */
export function feedWeek({ cloud, fileDate, changeNumber }: Snapshot, name: string): FeedWeek {
  return { cloud, name, fileDate, changeNumber };
}
