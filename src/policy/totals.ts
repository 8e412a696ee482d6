import type { ServiceTag, Snapshot } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import type { FeedTotals } from './guards/guard.ts';

/** The addresses of all tags of a feed together; computed once a feed, however many runs share it. */
export function spaceOf(snapshot: Snapshot): DualStackSet {
  const known = SPACES.get(snapshot.tags);
  if (known !== undefined) return known;
  const space = DualStackSet.union(publishedTags(snapshot).map(({ addresses }) => addresses));
  SPACES.set(snapshot.tags, space);
  return space;
}

const SPACES = new WeakMap<Snapshot['tags'], DualStackSet>();

/** The tags that the file has; those that were made from them are none of its own. */
export function publishedTags({ tags }: Snapshot): ServiceTag[] {
  return [...tags.values()].filter(({ derived }) => derived !== true);
}

/**
 * Counts a whole feed; addresses that several tags list count once.
 * @param all the addresses of the feed, where they are known already
 */
export function totalsOf(snapshot: Snapshot, all = spaceOf(snapshot)): FeedTotals {
  const tags = publishedTags(snapshot);
  return {
    tags: tags.length,
    prefixes: tags.reduce((sum, { prefixCount }) => sum + prefixCount, 0),
    ipv4Addresses: all.ipv4.size,
    ipv6Addresses: all.ipv6.size,
  };
}
