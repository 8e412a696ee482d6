import { digits } from '../../numbers.ts';
import type { Guard, Remark } from './guard.ts';
import { percentOf } from './percent.ts';

/**
 * Much of the whole feed gone: a truncated or partial file. Its space alone does not show that, because
 * AzureCloud, the regional and the service tags list the same addresses again.
 */
export const feedShrink: Guard = {
  name: 'feed-shrink',
  check: 'Download the file again and compare its size and SHA-256: a cut-off file looks like this.',
  cannot: ({ baseline }) => (baseline === undefined ? 'nothing is in force yet' : undefined),
  judge: ({ totals, baseline, limits }) => {
    if (baseline === undefined) return [];
    const remarks: Remark[] = [];
    const before = baseline.totals.ipv4Addresses;
    const lost = percentOf(before - totals.ipv4Addresses, before);
    if (lost > limits.feedShrinkPercent)
      remarks.push({
        refuse: true,
        message: `the feed lost ${lost.toFixed(2)} % of its IPv4 space (${digits(before)} → ${digits(totals.ipv4Addresses)} addresses); more than ${limits.feedShrinkPercent} % (guards.feed-shrink.percent)`,
      });
    const listed = baseline.totals.prefixes;
    const fewer = percentOf(BigInt(listed - totals.prefixes), BigInt(listed));
    if (fewer > limits.feedShrinkPrefixPercent)
      remarks.push({
        refuse: true,
        message: `the feed lists ${fewer.toFixed(2)} % fewer prefixes (${digits(listed)} → ${digits(totals.prefixes)} in ${digits(baseline.totals.tags)} → ${digits(totals.tags)} tags); more than ${limits.feedShrinkPrefixPercent} % (guards.feed-shrink.prefixPercent)`,
      });
    return remarks;
  },
};
