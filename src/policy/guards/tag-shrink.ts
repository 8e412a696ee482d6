import { AddressSet } from '../../net/address-set.ts';
import { digits } from '../../numbers.ts';
import { type ComparableTag, comparableTags } from './comparable-tags.ts';
import type { Guard, GuardContext, Remark } from './guard.ts';
import { percentOf } from './percent.ts';

/**
 * Much of a configured tag's address space gone. What was replaced counts as lost: connections to it break.
 *
 * A percentage alone will not do, because small tags lawfully lose all they have: young regions move
 * (AzureCosmosDB.MexicoCentral, 224 addresses) and tags of single hosts are renewed. A small loss is noted,
 * unless a rule loses nearly half of its own space by it.
 */
export const tagShrink: Guard = {
  name: 'tag-shrink',
  check:
    'Check what the lost prefixes carried last week (explain LOG), and whether another tag has them now.',
  cannot: ({ baseline }) => (baseline === undefined ? 'nothing is in force yet' : undefined),
  judge: (context) => {
    const tags = comparableTags(context);
    const floor = smallestLoss(context);
    const shrunkRules = rulesThatShrink(tags, context);
    return tags.flatMap((tag): Remark[] => [
      ...judgeIpv4(tag, floor, shrunkRules, context),
      ...judgeIpv6(tag, context),
    ]);
  },
};

function judgeIpv4(
  { tag, rules, before, after }: ComparableTag,
  floor: bigint,
  shrunkRules: ReadonlyMap<string, number>,
  { limits }: GuardContext,
): Remark[] {
  const { size } = before.ipv4;
  const lost = before.ipv4.difference(after.ipv4).size;
  const percent = percentOf(lost, size);
  if (percent <= limits.tagShrinkPercent) return [];
  const figures = `the service tag ${tag} loses ${percent.toFixed(2)} % of its IPv4 space (${digits(size)} → ${digits(size - lost)} of the same addresses); more than ${limits.tagShrinkPercent} % (guards.tag-shrink.percent)`;
  if (lost >= floor) return [{ refuse: true, message: figures }];
  const rule = rules.find((name) => shrunkRules.has(name));
  return [
    rule === undefined
      ? {
          refuse: false,
          message: `${figures}, but fewer than ${digits(floor)} addresses (guards.tag-shrink.addresses)`,
        }
      : {
          refuse: true,
          message: `${figures}, and rule ${rule} loses ${shrunkRules.get(rule)!.toFixed(2)} % by it, more than ${limits.tagShrinkRulePercent} % (guards.tag-shrink.rulePercent)`,
        },
  ];
}

/** A /64 is what a young region has; the tags that list hosts have many small prefixes. */
const ONE_NETWORK = 1n << 64n;
const MANY_PREFIXES = 16;

function judgeIpv6({ tag, before, after }: ComparableTag, { limits }: GuardContext): Remark[] {
  const lost = before.ipv6.difference(after.ipv6);
  const percent = percentOf(lost.size, before.ipv6.size);
  if (percent <= limits.tagShrinkIpv6Percent) return [];
  const figures = `the service tag ${tag} loses ${percent.toFixed(2)} % of its IPv6 space (${digits(before.ipv6.coverCount)} → ${digits(before.ipv6.intersection(after.ipv6).coverCount)} of the same prefixes); more than ${limits.tagShrinkIpv6Percent} % (guards.tag-shrink.ipv6Percent)`;
  return lost.size > ONE_NETWORK || lost.coverCount >= MANY_PREFIXES
    ? [{ refuse: true, message: figures }]
    : [
        {
          refuse: false,
          message: `${figures}, but no more than a /64 and fewer than ${MANY_PREFIXES} prefixes`,
        },
      ];
}

function smallestLoss({ limits, baseline }: GuardContext): bigint {
  if (limits.tagShrinkAddresses !== undefined) return BigInt(limits.tagShrinkAddresses);
  // The sovereign clouds are fifty times smaller than the public one.
  const share = (baseline?.totals.ipv4Addresses ?? 0n) / 10_000n;
  return share > 2_048n ? 2_048n : share < 64n ? 64n : share;
}

/** The rules whose tags together lose more than the percentage of their IPv4 space, with what they lose. */
function rulesThatShrink(tags: readonly ComparableTag[], { limits }: GuardContext): Map<string, number> {
  const shrunk = new Map<string, number>();
  for (const rule of new Set(tags.flatMap(({ rules }) => rules))) {
    const own = tags.filter(({ rules }) => rules.includes(rule));
    const before = AddressSet.union(
      4,
      own.map((tag) => tag.before.ipv4),
    );
    const after = AddressSet.union(
      4,
      own.map((tag) => tag.after.ipv4),
    );
    const percent = percentOf(before.difference(after).size, before.size);
    if (percent > limits.tagShrinkRulePercent) shrunk.set(rule, percent);
  }
  return shrunk;
}
