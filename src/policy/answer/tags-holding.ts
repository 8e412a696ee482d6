import type { ServiceTag } from '../../feed/snapshot.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix, type Prefix } from '../../net/prefix.ts';
import { PublishedPrefixes } from './published-prefixes.ts';

/** A service tag of the feed that holds an address or CIDR, or a part of it. */
export interface HoldingTag {
  readonly name: string;
  readonly region: string;
  readonly systemService: string;
  readonly contains: 'all' | 'part';
  /** The narrowest published prefix that holds it whole; null where none does. */
  readonly prefix: string | null;
  /** How many addresses the tag has in this family, in decimal. */
  readonly addresses: string;
}

/** The tags that hold an address or CIDR, whatever rules select: the narrowest first, those with a part of it last. */
export function tagsHolding(prefix: Prefix, tags: Iterable<ServiceTag>): HoldingTag[] {
  const wanted = DualStackSet.fromPrefixes([prefix]);
  const family = prefix.family === 4 ? 'ipv4' : 'ipv6';
  return [...tags]
    .filter(({ addresses }) => !addresses[family].intersection(wanted[family]).isEmpty)
    .map((tag) => ({ tag, isWhole: tag.addresses.containsPrefix(prefix) }))
    .sort(
      (a, b) =>
        Number(b.isWhole) - Number(a.isWhole) ||
        compare(a.tag.addresses[family].size, b.tag.addresses[family].size) ||
        compare(a.tag.name, b.tag.name),
    )
    .map(({ tag: { name, region, systemService, prefixes, addresses }, isWhole }) => {
      const own = new PublishedPrefixes(() => prefixes.filter((each) => each.family === prefix.family));
      const published = own.narrowest(prefix.family, prefix.first, prefix.length);
      return {
        name,
        region,
        systemService,
        contains: isWhole ? 'all' : 'part',
        prefix: published === undefined ? null : formatPrefix(published),
        addresses: addresses[family].size.toString(),
      };
    });
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
