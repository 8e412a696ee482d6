import { daysBetween } from '../../feed/file-date.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import type { PolicyDiff } from '../diff.ts';
import type { RuleDiff } from './rules.ts';

/** What a rule gained by one week's feed and still has. */
export interface RecentGain {
  readonly rule: string;
  /** YYYY-MM-DD, of the feed. */
  readonly date: string;
  readonly gained: DualStackSet;
}

/**
 * So many weeks after its addition a removal is noted. Additions that were taken back lived four weeks at most in
 * the replay that `docs/review.md` quotes; twice that, because weeks are skipped.
 */
export const RECENT_WEEKS = 8;

/**
 * The gains that are recent in the week of a feed.
 * @param date YYYY-MM-DD, of the feed; without one nothing can be said to be recent
 */
export function recentAt(gains: readonly RecentGain[], date: string | undefined): RecentGain[] {
  return date === undefined ? [] : gains.filter((gain) => daysBetween(gain.date, date) <= RECENT_WEEKS * 7);
}

/**
 * The gains to remember after a change: those that are still recent, less what was lost again (which is noted
 * once), and those of the change. By rule and date; the gains of a rule are disjoint, and the rule has them all.
 * @param date YYYY-MM-DD, of the change's feed
 */
export function rememberGains(
  gains: readonly RecentGain[],
  { rules }: PolicyDiff,
  date: string | undefined,
): RecentGain[] {
  if (date === undefined) return [];
  const changes = new Map(rules.map((diff) => [diff.rule, diff]));
  const byRule = new Map<string, Map<string, DualStackSet>>();
  const remember = (rule: string, on: string, gained: DualStackSet): void => {
    if (gained.isEmpty) return;
    const byDate = byRule.get(rule) ?? new Map<string, DualStackSet>();
    // A file can be published twice under one date.
    byRule.set(rule, byDate.set(on, (byDate.get(on) ?? DualStackSet.empty).union(gained)));
  };
  for (const { rule, date: on, gained } of recentAt(gains, date)) {
    const change = changes.get(rule);
    if (change?.presence === 'removed') continue;
    remember(rule, on, change === undefined ? gained : gained.difference(change.space.lost));
  }
  for (const diff of rules) remember(diff.rule, date, gainedByFeed(diff));
  return [...byRule]
    .sort(byKey)
    .flatMap(([rule, byDate]) =>
      [...byDate].sort(byKey).map(([on, gained]): RecentGain => ({ rule, date: on, gained })),
    );
}

/**
 * What a rule gained by tags that it had before. A rule or a tag that is new to the configuration brings all its
 * addresses on purpose: they are not new, and each of them that goes later would look short-lived.
 */
function gainedByFeed({ tags, space }: RuleDiff): DualStackSet {
  const gained = tags
    .filter(({ presence }) => presence === 'changed')
    .map((tag) => tag.space.gained.intersection(space.gained));
  return DualStackSet.union(gained);
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
