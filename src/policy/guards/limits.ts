import type { Prefix } from '../../net/prefix.ts';

/** What the guards judge by; `docs/guards.md` shows the replay that the defaults were chosen by. */
export interface GuardLimits {
  /** Special-use prefixes that the organisation lets in all the same. */
  readonly specialUseAllowed: readonly Prefix[];
  /** The shortest lawful prefix lengths. */
  readonly shortestIpv4: number;
  readonly shortestIpv6: number;
  /** Days after its date from which a feed counts as stale; by cloud where not configured. */
  readonly staleDays: number | undefined;
  /** Percent of address space that may be lost in one step: of the whole feed, of a configured tag. */
  readonly feedShrinkPercent: number;
  readonly tagShrinkPercent: number;
  /** How many times its IPv4 address space a configured tag may reach in one step. */
  readonly tagGrowthFactor: number;
}

export const DEFAULT_LIMITS: GuardLimits = {
  specialUseAllowed: [],
  // No file of the archive has an IPv4 prefix shorter than /12; IPv6 starts at /23 or longer.
  shortestIpv4: 10,
  shortestIpv6: 20,
  staleDays: undefined,
  feedShrinkPercent: 5,
  tagShrinkPercent: 60,
  tagGrowthFactor: 8,
};
