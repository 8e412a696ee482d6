import { daysBetween } from '../../feed/file-date.ts';
import type { AddressSet } from '../../net/address-set.ts';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { digits } from '../../numbers.ts';
import type { Guard, Remark } from './guard.ts';
import { endpointSets } from './odd-gains.ts';
import { percentOf } from './percent.ts';

/** The sizes of the tags in use in a week that was accepted, and what they had gained and lost. */
export interface AcceptedSizes {
  /** YYYY-MM-DD, of the feed. */
  readonly date: string;
  /** IPv4 addresses, by tag. */
  readonly tags: ReadonlyMap<string, bigint>;
  /** IPv4 addresses that tags gained and lost since the entry before; a tag that did neither is absent. */
  readonly steps?: ReadonlyMap<string, Step>;
}

/** IPv4 addresses that a tag gained and lost. */
export interface Step {
  readonly gained: bigint;
  readonly lost: bigint;
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

/**
 * What the steps of a named tag may sum to, in IPv4 addresses, by span: AzureActiveDirectory gained 32 in 336 days and
 * 5,608 in 399 (2024-01-15 to 2025-02-17), and lost 129 in the summer of 2025.
 */
const NAMED: ReadonlyMap<string, readonly Step[]> = new Map([
  [
    'AzureActiveDirectory',
    [
      { gained: 512n, lost: 1_536n },
      { gained: 2_048n, lost: 3_072n },
      { gained: 8_192n, lost: 8_192n },
    ],
  ],
]);

/**
 * Steps in so many days from which on few addresses gained, or any lost, ask for a look, this week's included. The connector's tags,
 * ServiceBus and Storage took two at most, three PowerQueryOnline, StorageSyncService and AzureAdvancedThreatProtection (20250804).
 */
const SLOW = { days: 35, steps: 3, gained: 10n } as const;

/**
 * A chain of steps, each of them quiet: a tag against the weeks that were accepted 4, 13 and 52 weeks back, by its size
 * and by the sum of what it gained and lost since, which a chain of swaps does not hide.
 */
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
  judge: (context) => {
    const { baseline, snapshot, configuredTags } = context;
    const now = snapshot.fileDate;
    if (baseline === undefined || now === undefined) return [];
    const sets = endpointSets(context);
    return [...configuredTags.keys()].flatMap((tag) => {
      const after = snapshot.tags.get(tag)?.addresses.ipv4;
      if (after === undefined || after.isEmpty) return [];
      const step = stepBetween(baseline.tags.get(tag)?.ipv4, after);
      for (const [index, span] of SPANS.entries()) {
        const first = baseline.accepted.findIndex(
          ({ date, tags }) => daysBetween(date, now) <= span.days && tags.has(tag),
        );
        const since = baseline.accepted[first];
        if (since === undefined) continue;
        const sum = sumOfSteps(
          [...baseline.accepted.slice(first + 1), { steps: new Map([[tag, step]]) }],
          tag,
        );
        const what = judgeSpan(since, tag, after.size, sum, span, NAMED.get(tag)?.[index]);
        if (what !== undefined)
          return [
            {
              refuse: true,
              message: `the service tag ${tag} ${what} in ${span.days} days, by however many steps`,
            },
          ];
      }
      if (after.size >= LARGE || sets.has(tag)) return [];
      const lately = baseline.accepted.filter(({ date }) => daysBetween(date, now) <= SLOW.days);
      return slowSteps(tag, step, lately);
    });
  },
};

/** Week after week a few addresses: no step is large, and no sum of so few weeks is. */
function slowSteps(tag: string, now: Step, lately: readonly AcceptedSizes[]): Remark[] {
  const steps = [...lately.slice(1).flatMap(({ steps }) => steps?.get(tag) ?? []), now];
  return (
    [
      ['gained', (size: bigint) => size > 0n && size <= SLOW.gained],
      ['lost', (size: bigint) => size > 0n],
    ] as const
  ).flatMap(([what, isOne]): Remark[] => {
    const count = steps.filter((step) => isOne(step[what])).length;
    return !isOne(now[what]) || count < SLOW.steps
      ? []
      : [
          {
            refuse: false,
            look: true,
            message: `the service tag ${tag} ${what} ${what === 'gained' ? `${SLOW.gained} IPv4 addresses or fewer` : 'IPv4 addresses'} in ${count} steps since ${lately[0]!.date}; from ${SLOW.steps} in ${SLOW.days} days on that asks for a look`,
          },
        ];
  });
}

/** What a tag came to beyond the limits of a span; undefined where it is within them. */
function judgeSpan(
  since: AcceptedSizes,
  tag: string,
  size: bigint,
  sum: Step,
  span: Span,
  named: Step | undefined,
): string | undefined {
  const before = since.tags.get(tag) ?? 0n;
  const when = `since ${since.date}`;
  if (named !== undefined && sum.gained > named.gained)
    return `has gained ${digits(sum.gained)} IPv4 addresses ${when}; ${digits(named.gained)} at most`;
  if (named !== undefined && sum.lost > named.lost)
    return `has lost ${digits(sum.lost)} IPv4 addresses ${when}; ${digits(named.lost)} at most`;
  if (before < SMALL) return undefined;
  const kind = before >= LARGE ? 'large' : 'other';
  const [most, times] = [span.lossPercent[kind], span.growth[kind]];
  const sizes = `(${digits(before)} → ${digits(size)} IPv4 addresses)`;
  const shrunk = percentOf(before - size, before);
  if (shrunk > most) return `has shrunk by ${shrunk.toFixed(1)} % ${when} ${sizes}; ${most} % at most`;
  const lost = percentOf(sum.lost, before);
  if (lost > most)
    return `has lost ${lost.toFixed(1)} % of its size ${when} and gained others (${digits(sum.lost)} of ${digits(before)} IPv4 addresses); ${most} % at most`;
  const grown = percentOf(size, before) / 100;
  if (grown > times)
    return `has grown to ${grown.toFixed(1)} times its size ${when} ${sizes}; ${times} times at most`;
  return undefined;
}

/** What a tag gained and lost; a tag that is new gained nothing. */
function stepBetween(before: AddressSet | undefined, after: AddressSet): Step {
  return before === undefined
    ? { gained: 0n, lost: 0n }
    : { gained: after.difference(before).size, lost: before.difference(after).size };
}

function sumOfSteps(entries: readonly Pick<AcceptedSizes, 'steps'>[], tag: string): Step {
  return entries.reduce(
    (sum, { steps }) => {
      const step = steps?.get(tag);
      return step === undefined ? sum : { gained: sum.gained + step.gained, lost: sum.lost + step.lost };
    },
    { gained: 0n, lost: 0n },
  );
}

/** What every tag of a week gained and lost against the week in force; one that did neither is left out. */
export function stepsBetween(
  before: ReadonlyMap<string, DualStackSet>,
  after: ReadonlyMap<string, DualStackSet>,
): ReadonlyMap<string, Step> {
  return new Map(
    [...after]
      .map(([tag, { ipv4 }]) => [tag, stepBetween(before.get(tag)?.ipv4, ipv4)] as const)
      .filter(([, { gained, lost }]) => gained > 0n || lost > 0n),
  );
}

/** Days for which every week is remembered; of older ones one in so many days, up to a year and a bit. */
const EVERY_WEEK = 35;
const ONE_IN = 28;
const LONGEST = 392;

/**
 * The weeks to remember after one more was accepted, oldest first; a feed without a date is not remembered. What the
 * steps of a week that is left out came to stands with the next that is kept, so that no sum forgets it.
 */
export function rememberSizes(
  known: readonly AcceptedSizes[],
  date: string | undefined,
  tags: ReadonlyMap<string, bigint>,
  steps: ReadonlyMap<string, Step> = new Map(),
): AcceptedSizes[] {
  if (date === undefined) return [...known];
  // A file of the same date that is published again takes its place, and forgets none of its steps.
  const replaced = known.filter((entry) => entry.date >= date);
  const all: AcceptedSizes[] = [
    ...known.filter((entry) => entry.date < date && daysBetween(entry.date, date) <= LONGEST),
    { date, tags, steps: replaced.length === 0 ? steps : summed([...replaced, { date, tags, steps }]) },
  ];
  const kept: AcceptedSizes[] = [];
  let left: AcceptedSizes[] = [];
  for (const entry of all) {
    const last = kept.at(-1);
    const isOld = daysBetween(entry.date, date) > EVERY_WEEK;
    if (last !== undefined && isOld && daysBetween(last.date, entry.date) < ONE_IN) {
      left.push(entry);
      continue;
    }
    kept.push(left.length === 0 ? entry : { ...entry, steps: summed([...left, entry]) });
    left = [];
  }
  return kept;
}

/** Remembered weeks without what is no longer counted: `sizeOf` says how many IPv4 addresses of a tag that is. */
export function withoutSizes(
  known: readonly AcceptedSizes[],
  sizeOf: (tag: string) => bigint,
): AcceptedSizes[] {
  return known.map((entry) => ({
    ...entry,
    tags: new Map(
      [...entry.tags].map(([tag, size]) => [tag, size > sizeOf(tag) ? size - sizeOf(tag) : 0n] as const),
    ),
  }));
}

function summed(entries: readonly AcceptedSizes[]): ReadonlyMap<string, Step> {
  const tags = new Set(entries.flatMap(({ steps }) => [...(steps?.keys() ?? [])]));
  return new Map([...tags].sort().map((tag) => [tag, sumOfSteps(entries, tag)]));
}
