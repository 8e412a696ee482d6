import type { Guard } from './guard.ts';
import { percentOf } from './percent.ts';

/** Much of the whole feed gone: a truncated or partial file. */
export const feedShrink: Guard = {
  name: 'feed-shrink',
  judge: ({ totals, baseline, limits }) => {
    if (baseline === undefined) return [];
    const before = baseline.totals.ipv4Addresses;
    const lost = percentOf(before - totals.ipv4Addresses, before);
    if (lost <= limits.feedShrinkPercent) return [];
    return [
      {
        refuse: true,
        message: `the feed lost ${lost.toFixed(2)} % of its IPv4 space (${before} → ${totals.ipv4Addresses} addresses); more than ${limits.feedShrinkPercent} % (guards.feed-shrink.percent)`,
      },
    ];
  },
};
