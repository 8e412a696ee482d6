import type { AddressSet } from '../../net/address-set.ts';
import { digits } from '../../numbers.ts';
import { type ComparableTag, comparableTags } from './comparable-tags.ts';
import type { Guard, GuardContext, Remark } from './guard.ts';
import { percentOf } from './percent.ts';

/**
 * A configured tag that suddenly lets in many times as much.
 *
 * Lawful tags grow thirtyfold in one week, when a region opens: then a few large prefixes come to a few
 * small ones. So a step is refused where the space *and* the fewest prefixes that cover it multiply (what
 * happens when another tag's list ends up in this one), or where it more than doubles the tag by a share of
 * all of Azure that no region has.
 */
export const tagGrowth: Guard = {
  name: 'tag-growth',
  check:
    'Compare the gained prefixes of the tag with the download page and the release notes of the service.',
  cannot: ({ baseline }) => (baseline === undefined ? 'nothing is in force yet' : undefined),
  judge: (context) =>
    comparableTags(context).flatMap((tag): Remark[] => {
      const ipv4 = multiplied('IPv4', tag, tag.before.ipv4, tag.after.ipv4, context);
      const ipv6 =
        tag.before.ipv6.coverCount < SOME_IPV6
          ? []
          : multiplied('IPv6', tag, tag.before.ipv6, tag.after.ipv6, context);
      return [...(ipv4.length > 0 ? ipv4 : gainedTooMuch(tag, context)), ...ipv6];
    }),
};

/** IPv6 prefixes from which on a tag's growth says something: the first few are multiplied as IPv6 arrives. */
const SOME_IPV6 = 16;

function multiplied(
  family: 'IPv4' | 'IPv6',
  { tag }: ComparableTag,
  before: AddressSet,
  after: AddressSet,
  { limits: { tagGrowthFactor: factor } }: GuardContext,
): Remark[] {
  if (before.isEmpty) return [];
  const times = percentOf(after.size, before.size) / 100;
  // The prefixes are counted only where the space has multiplied.
  if (times <= factor || after.coverCount <= before.coverCount * factor) return [];
  const space =
    family === 'IPv4'
      ? `${digits(before.size)} → ${digits(after.size)} addresses, ${digits(before.coverCount)} → ${digits(after.coverCount)} prefixes`
      : `${before.coverCount} → ${after.coverCount} prefixes`;
  return [
    {
      refuse: true,
      message: `the service tag ${tag} grows to ${times < 1e6 ? times.toFixed(1) : 'over a million'} times its ${family} space (${space}); more than ${factor} times in space and in prefixes (guards.tag-growth.factor)`,
    },
  ];
}

function gainedTooMuch({ tag, before, after }: ComparableTag, { limits, baseline }: GuardContext): Remark[] {
  const gained = after.ipv4.difference(before.ipv4).size;
  if (baseline === undefined || gained <= before.ipv4.size) return [];
  const percent = percentOf(gained, baseline.totals.ipv4Addresses);
  if (percent <= limits.tagGrowthPercent) return [];
  return [
    {
      refuse: true,
      message: `the service tag ${tag} grows by ${digits(gained)} addresses (${digits(before.ipv4.size)} → ${digits(after.ipv4.size)}), ${percent.toFixed(2)} % of the whole feed; more than ${limits.tagGrowthPercent} % in a step that more than doubles it (guards.tag-growth.percent)`,
    },
  ];
}
