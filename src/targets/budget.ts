import { AddressSet } from '../net/address-set.ts';
import { coverJointly } from '../net/budgeted-cover.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import type { Prefix } from '../net/prefix.ts';
import { SPECIAL_USE } from '../policy/guards/special-use.ts';
import { GuardRefusal } from '../problem.ts';

/** How many address entries a target may have, at the price of the fewest extra addresses. */
export interface Budget {
  readonly entries: number;
  /** Never let in for the sake of the budget, beside the special-use ranges: the organisation's own. */
  readonly never: readonly Prefix[];
}

/** The prefixes that are written for a set, and what they admit beyond it. */
export interface Cover {
  readonly ipv4: readonly Prefix[];
  readonly ipv6: readonly Prefix[];
  /** Empty for an exact cover. */
  readonly extra: DualStackSet;
}

const FAMILIES = [4, 6] as const;

/**
 * Covers the sets of all rules: exactly, or, if that takes more entries than the budget, with the fewest
 * extra addresses that the budget allows. Rules share one budget; how many each gets is part of the choice.
 * @throws GuardRefusal `target-limit` for a budget that no lawful cover fits
 */
export function coverRules(sets: readonly DualStackSet[], budget: Budget | undefined): Cover[] {
  const exact = sets.map(
    (set): Cover => ({ ipv4: set.ipv4.cover(), ipv6: set.ipv6.cover(), extra: DualStackSet.empty }),
  );
  const entries = exact.reduce((sum, { ipv4, ipv6 }) => sum + ipv4.length + ipv6.length, 0);
  if (budget === undefined || entries <= budget.entries) return exact;
  const never = SPECIAL_USE.union(DualStackSet.fromPrefixes(budget.never));
  const joint = coverJointly(
    sets.flatMap(({ ipv4, ipv6 }) => [
      { set: ipv4, forbid: never.ipv4 },
      { set: ipv6, forbid: never.ipv6 },
    ]),
    budget.entries,
  );
  if (!joint.feasible)
    throw new GuardRefusal(
      `target-limit: ${entries} address entries do not fit a budget of ${budget.entries}; without letting in special-use or excluded ranges ${joint.fewest} is the least`,
    );
  return sets.map((_, index) => {
    const [ipv4, ipv6] = FAMILIES.map((family, place) => {
      const cover = joint.covers[2 * index + place];
      return { prefixes: cover?.prefixes ?? [], extra: cover?.extra ?? AddressSet.empty(family) };
    });
    return {
      ipv4: ipv4!.prefixes,
      ipv6: ipv6!.prefixes,
      extra: new DualStackSet(ipv4!.extra, ipv6!.extra),
    };
  });
}
