import { daysBetween } from '../../feed/file-date.ts';
import { digits } from '../../numbers.ts';
import type { Guard, Remark } from './guard.ts';
import { percentOf } from './percent.ts';

/** The sizes of the tags in use in a week that was accepted. */
export interface AcceptedSizes {
  /** YYYY-MM-DD, of the feed. */
  readonly date: string;
  /** IPv4 addresses, by tag. */
  readonly tags: ReadonlyMap<string, bigint>;
}

/** IPv4 addresses from which on a tag is large, and below which its chain of steps says nothing. */
const LARGE = 1_048_576n;
const SMALL = 4096n;

interface Span {
  readonly days: number;
  readonly lossPercent: { readonly large: number; readonly other: number };
  readonly growth: { readonly large: number; readonly other: number };
}

/** What a tag may come to over weeks, where each step by itself stays under the other guards. */
const SPANS: readonly Span[] = [
  { days: 28, lossPercent: { large: 3, other: 45 }, growth: { large: 1.5, other: 16 } },
  { days: 91, lossPercent: { large: 5, other: 50 }, growth: { large: 2, other: 24 } },
  { days: 364, lossPercent: { large: 10, other: 60 }, growth: { large: 3, other: 32 } },
];

/** A chain of steps, each of them quiet: a tag against the weeks that were accepted 4, 13 and 52 weeks back. */
export const drift: Guard = {
  name: 'drift',
  check: 'Compare the weeks in REVIEW.md since then: each step was small, the sum is not.',
  cannot: ({ baseline, snapshot }) =>
    baseline === undefined
      ? 'nothing is in force yet'
      : snapshot.fileDate === undefined
        ? 'the file has no date'
        : baseline.accepted.length === 0
          ? 'no earlier week is remembered yet'
          : undefined,
  judge: ({ baseline, snapshot, configuredTags }) => {
    const now = snapshot.fileDate;
    if (baseline === undefined || now === undefined) return [];
    return [...configuredTags.keys()].flatMap((tag): Remark[] => {
      const size = snapshot.tags.get(tag)?.addresses.ipv4.size;
      if (size === undefined || size === 0n) return [];
      for (const span of SPANS) {
        const since = baseline.accepted.find(
          ({ date, tags }) => daysBetween(date, now) <= span.days && tags.has(tag),
        );
        const before = since?.tags.get(tag) ?? 0n;
        if (since === undefined || before < SMALL) continue;
        const kind = before >= LARGE ? 'large' : 'other';
        const lost = percentOf(before - size, before);
        const grown = percentOf(size, before) / 100;
        if (lost > span.lossPercent[kind])
          return [
            {
              refuse: true,
              message: `the service tag ${tag} has shrunk by ${lost.toFixed(1)} % since ${since.date} (${digits(before)} → ${digits(size)} IPv4 addresses); ${span.lossPercent[kind]} % at most in ${span.days} days, by however many steps`,
            },
          ];
        if (grown > span.growth[kind])
          return [
            {
              refuse: true,
              message: `the service tag ${tag} has grown to ${grown.toFixed(1)} times its size of ${since.date} (${digits(before)} → ${digits(size)} IPv4 addresses); ${span.growth[kind]} times at most in ${span.days} days, by however many steps`,
            },
          ];
      }
      return [];
    });
  },
};

/** Days for which every week is remembered; of older ones one in so many days, up to a year and a bit. */
const EVERY_WEEK = 35;
const ONE_IN = 28;
const LONGEST = 392;

/** The weeks to remember after one more was accepted, oldest first; a feed without a date is not remembered. */
export function rememberSizes(
  known: readonly AcceptedSizes[],
  date: string | undefined,
  tags: ReadonlyMap<string, bigint>,
): AcceptedSizes[] {
  if (date === undefined) return [...known];
  const all = [
    ...known.filter((entry) => entry.date < date && daysBetween(entry.date, date) <= LONGEST),
    { date, tags },
  ];
  const kept: AcceptedSizes[] = [];
  for (const entry of all) {
    const last = kept.at(-1);
    const isOld = daysBetween(entry.date, date) > EVERY_WEEK;
    if (last !== undefined && isOld && daysBetween(last.date, entry.date) < ONE_IN) continue;
    kept.push(entry);
  }
  return kept;
}
