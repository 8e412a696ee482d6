import type { Snapshot } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import type { FeedTotals } from './guards/guard.ts';

/** Counts a whole feed; addresses that several tags list count once. */
export function totalsOf(snapshot: Snapshot): FeedTotals {
  const prefixes = [...snapshot.tags.values()].flatMap((tag) => tag.prefixes);
  const all = DualStackSet.fromPrefixes(prefixes);
  return {
    tags: snapshot.tags.size,
    prefixes: prefixes.length,
    ipv4Addresses: all.ipv4.size,
    ipv6Addresses: all.ipv6.size,
  };
}
