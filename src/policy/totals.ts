import type { Snapshot } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import type { FeedTotals } from './guards/guard.ts';

/** The addresses of all tags of a feed together. */
export function spaceOf({ tags }: Snapshot): DualStackSet {
  return DualStackSet.fromPrefixes([...tags.values()].flatMap(({ prefixes }) => prefixes));
}

/** Counts a whole feed; addresses that several tags list count once. */
export function totalsOf(snapshot: Snapshot): FeedTotals {
  const all = spaceOf(snapshot);
  return {
    tags: snapshot.tags.size,
    prefixes: [...snapshot.tags.values()].reduce((sum, { prefixes }) => sum + prefixes.length, 0),
    ipv4Addresses: all.ipv4.size,
    ipv6Addresses: all.ipv6.size,
  };
}
