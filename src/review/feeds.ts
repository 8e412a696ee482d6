import type { Snapshot } from '../feed/snapshot.ts';
import type { DiffContext } from '../policy/diff/notes.ts';
import { diffSnapshots } from '../policy/diff/snapshots.ts';
import type { TagAddresses } from '../policy/policy.ts';
import { publishedTags, spaceOf } from '../policy/totals.ts';
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
    // Of all tags, every gain is new to the tags and every loss has left them: nothing to note.
    ...(tags === undefined
      ? {}
      : {
          context: {
            previousSpace: { date: before.fileDate, addresses: spaceOf(before) },
            currentTags: tagsOf(after),
          } satisfies DiffContext,
        }),
    targets: [],
    drift: [],
    unused: [],
    guards: [],
    acceptances: [],
    coverage: [],
    coverageStands: true,
  };
}

/** A snapshot as a review names it; `name` is the file's, without a directory. */
export function feedWeek({ cloud, fileDate, changeNumber }: Snapshot, name: string): FeedWeek {
  return { cloud, name, fileDate, changeNumber };
}

/** The tags of a snapshot as notes look for lost addresses in them; their sets are made when asked for. */
export function tagsOf(snapshot: Snapshot): TagAddresses[] {
  return publishedTags(snapshot).map((tag) => ({
    tag: tag.name,
    region: tag.region,
    prefixes: tag.prefixes,
    get addresses() {
      return tag.addresses;
    },
  }));
}
