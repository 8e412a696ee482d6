import type { DualStackSet } from '../../net/dual-stack-set.ts';
import type { Guard } from './guard.ts';

/** Much of the whole feed gone: a truncated or partial file. */
export const feedShrink: Guard = {
  name: 'feed-shrink',
  judge: ({ totals, baseline, limits }) => {
    if (baseline === undefined) return [];
    const before = baseline.totals.ipv4Addresses;
    const lost = percentLost(before, totals.ipv4Addresses);
    if (lost <= limits.feedShrinkPercent) return [];
    return [
      {
        refuse: true,
        message: `the feed lost ${lost.toFixed(2)} % of its IPv4 space (${before} → ${totals.ipv4Addresses} addresses); more than ${limits.feedShrinkPercent} % (guards.feed-shrink.percent)`,
      },
    ];
  },
};

/** Much of a configured tag's address space gone. */
export const tagShrink: Guard = {
  name: 'tag-shrink',
  judge: (context) =>
    eachComparableTag(context, (tag, before, after) =>
      FAMILIES.flatMap((family) => {
        const old = before[family].size;
        const kept = before[family].intersection(after[family]).size;
        const lost = percentLost(old, kept);
        if (lost <= context.limits.tagShrinkPercent) return [];
        return {
          refuse: true,
          message: `the service tag ${tag} loses ${lost.toFixed(2)} % of its ${NAMES[family]} space (${old} → ${kept} of the same addresses); more than ${context.limits.tagShrinkPercent} % (guards.tag-shrink.percent)`,
        };
      }),
    ),
};

/** A configured tag that suddenly covers many times the space. */
export const tagGrowth: Guard = {
  name: 'tag-growth',
  judge: (context) =>
    eachComparableTag(context, (tag, before, after) => {
      const old = before.ipv4.size;
      const now = after.ipv4.size;
      if (old === 0n || Number(now) <= Number(old) * context.limits.tagGrowthFactor) return [];
      return [
        {
          refuse: true,
          message: `the service tag ${tag} grows to ${(Number(now) / Number(old)).toFixed(1)} times its IPv4 space (${old} → ${now} addresses); more than ${context.limits.tagGrowthFactor} times (guards.tag-growth.factor)`,
        },
      ];
    }),
};

const FAMILIES = ['ipv4', 'ipv6'] as const;
const NAMES = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

function eachComparableTag(
  { configuredTags, snapshot, baseline }: Parameters<Guard['judge']>[0],
  judge: (tag: string, before: DualStackSet, after: DualStackSet) => ReturnType<Guard['judge']>,
): ReturnType<Guard['judge']> {
  return [...configuredTags.keys()].flatMap((tag) => {
    const before = baseline?.tags.get(tag);
    const after = snapshot.tags.get(tag);
    // A tag without prefixes is tag-empty's business.
    return before === undefined || after === undefined || after.prefixes.length === 0
      ? []
      : judge(tag, before, after.addresses);
  });
}

function percentLost(before: bigint, after: bigint): number {
  if (before === 0n || after >= before) return 0;
  // Six digits are kept before the conversion: IPv6 counts are beyond what a number holds.
  return Number(((before - after) * 100_000_000n) / before) / 1_000_000;
}
