import { comparePrefixes, parsePrefix } from '../../net/prefix.ts';
import type { Vendor } from '../vendor.ts';

/** An address is one object, however many rules have it: each prefix once, in numeric order. */
export const vendor: Vendor = {
  extendView: (view) => {
    const prefixes = new Map(
      view.addressLists.flatMap((list) => list.prefixes.map((one) => [one.prefix, one] as const)),
    );
    const addresses = [...prefixes.values()]
      .map((one) => ({ one, parsed: parsePrefix(one.prefix) }))
      .sort((a, b) => comparePrefixes(a.parsed, b.parsed))
      .map(({ one }) => one);
    return { ...view, addresses };
  },
};
