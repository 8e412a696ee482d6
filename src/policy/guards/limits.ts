import type { Prefix } from '../../net/prefix.ts';

/** What the guards judge by; `docs/guards.md` shows the replay that the defaults were chosen by. */
export interface GuardLimits {
  /** Special-use prefixes that the organisation lets in all the same. */
  readonly specialUseAllowed: readonly Prefix[];
  /** The shortest lawful prefix lengths. */
  readonly shortestIpv4: number;
  readonly shortestIpv6: number;
  /**
   * Days after its date at which a feed is refused as stale. Undefined: it is never refused, and noted after
   * a time that depends on the cloud.
   */
  readonly staleDays: number | undefined;
  /** Percent of the whole feed's IPv4 space, and of its published prefixes, that may be lost in one step. */
  readonly feedShrinkPercent: number;
  readonly feedShrinkPrefixPercent: number;
  /** Percent of a configured tag's IPv4 and IPv6 space that may be lost in one step. */
  readonly tagShrinkPercent: number;
  readonly tagShrinkIpv6Percent: number;
  /**
   * IPv4 addresses from which on a tag's loss is judged by its percentage alone. Undefined: one
   * ten-thousandth of the feed, 2,048 at most and 64 at least.
   */
  readonly tagShrinkAddresses: number | undefined;
  /** Percent of a rule's IPv4 space that its service tags may lose in one step, however few addresses. */
  readonly tagShrinkRulePercent: number;
  /** How many times its space, and its fewest prefixes, a configured tag may reach in one step. */
  readonly tagGrowthFactor: number;
  /** Percent of the whole feed's IPv4 space that a tag may gain in a step that more than doubles it. */
  readonly tagGrowthPercent: number;
  /** Days that the date of a feed may lie in the future. */
  readonly dateAheadDays: number;
  /** IPv4 addresses that no tag of a feed that was in force had, in 28 days: in all, and in a /8 where there was nothing. */
  readonly newSpaceAddresses: number;
  readonly newSpaceFarAddresses: number;
  /** IPv6 /64 networks that no tag of a feed that was in force had, in 28 days. */
  readonly newSpaceIpv6Networks: number;
  /** Percent of a large tag's IPv4 space that may be lost or gained in 28 days. */
  readonly precedentLossPercent: number;
  readonly precedentGainPercent: number;
}

export const DEFAULT_LIMITS: GuardLimits = {
  specialUseAllowed: [],
  // The broadest ever published is an IPv4 /12; of the weeks of the replay, an IPv4 /14 and an IPv6 /40.
  shortestIpv4: 12,
  shortestIpv6: 32,
  staleDays: undefined,
  // A public week loses 1.12 % at most in eight years.
  feedShrinkPercent: 5,
  // 4.4 % at most in eight years. Half a file may still cover the space, as regional tags repeat it.
  feedShrinkPrefixPercent: 10,
  // Lawful tags of some size lose 28.9 % at most in a week of the replay (AzureSignalR, 20220606); IPv6 has
  // lost half lawfully (Storage.*, a /48 became a /49).
  tagShrinkPercent: 30,
  tagShrinkIpv6Percent: 60,
  tagShrinkAddresses: undefined,
  // AzureDataLake alone lost 37.35 % lawfully from 20220502 to 20220516.
  tagShrinkRulePercent: 45,
  // A lawful week reaches 3 times both (IPv4); the wrong week 20220509 10.7 and 123 times.
  tagGrowthFactor: 8,
  // A lawful week gains 0.28 % at most in a tag that more than doubles (AzureCloud.southfrance, 20221017).
  tagGrowthPercent: 1,
  dateAheadDays: 14,
  // A lawful week brought 3,092,526 at most (20221003); in a /8 where there was nothing 2,719,744 once (20221017), else
  // 98,304.
  newSpaceAddresses: 4_194_304,
  newSpaceFarAddresses: 131_072,
  // A lawful week brought 15,532,036 at most (20250804), and 72,692,686 when IPv6 arrived (20200827).
  newSpaceIpv6Networks: 134_217_728,
  // A large tag lost 0.18 % at most in a lawful week (20220725), and gained 16.9 % (20221017).
  precedentLossPercent: 2,
  precedentGainPercent: 25,
};
