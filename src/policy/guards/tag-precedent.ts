import { DualStackSet } from '../../net/dual-stack-set.ts';
import { digits } from '../../numbers.ts';
import { comparableTags } from './comparable-tags.ts';
import type { AcceptedSizes } from './drift.ts';
import type { Guard, Remark } from './guard.ts';
import { allowances, withoutPrecedent } from './new-space.ts';
import { oddGains, servicesOf } from './odd-gains.ts';

/** IPv4 addresses from which on a tag is large: what lawful weeks do to it is narrow. */
const LARGE = 1_048_576n;

/** IPv4 addresses and IPv6 /64 networks. */
interface Amount {
  readonly ipv4: bigint;
  readonly ipv6: bigint;
}

/**
 * The most that a step of a named tag may gain and lose, and over what it asks for a look: of the archive's steps of 2022
 * to 2025, AzureActiveDirectory (56,820 addresses, 851,968 /64) gained 10 IPv4 addresses and lost 128 at most, and in IPv6
 * gained one address and lost none; a /48 came once, in a hole of 399 days.
 */
const NAMED: ReadonlyMap<
  string,
  {
    readonly gain: Amount;
    readonly loss: Amount;
    readonly seen: { readonly gain: Amount; readonly loss: Amount };
  }
> = new Map([
  [
    'AzureActiveDirectory',
    {
      gain: { ipv4: 256n, ipv6: 65_536n },
      loss: { ipv4: 1024n, ipv6: 65_536n },
      seen: { gain: { ipv4: 10n, ipv6: 0n }, loss: { ipv4: 128n, ipv6: 0n } },
    },
  ],
]);

/** In hundredths of a percent: the most that a lawful week of a large tag lost, of IPv4 (20220725) and IPv6 (20250707). */
const SEEN_LOSS = { ipv4: 20n, ipv6: 40n } as const;

/**
 * The same of AzureCloud, in IPv4: it lost 19,529 of 47 million addresses (20250804), and 14,336 of half as many at most
 * before; a region that is cut down to a prefix everywhere costs it less than a region may lose.
 */
const SEEN_LOSS_OF_ALL = 7n;

/** Percent of a smaller tag over which a loss asks for a look, and from how many IPv4 addresses on: in use, it lost 2 %. */
const SMALL_LOSS_PERCENT = 5n;
const SMALL_LOSS = 64n;

/**
 * IPv4 addresses that a regional tag may lose, and from which size on it is judged so: no step of the archive took one from
 * a part of 4,096 or more, but for 73 of AzureActiveDirectory.ServiceEndpoint (20250804).
 */
const REGIONAL_LOSS = 128n;
const REGIONAL_FLOOR = 4096n;

/** Percent of a large tag's IPv6 space over which a loss is refused. */
const IPV6_LOSS_PERCENT = 10n;

/** How many times the largest of its remembered steps a step may be before it asks for a look, and from which size on. */
const TIMES_ITS_OWN = 4n;
const OWN_FLOOR = 1024n;

/** From how many remembered steps on a tag has a history of its own. */
const HISTORY = 4;

/** A tag against what lawful weeks did to it, or to tags of its size: a swap of a third keeps every other guard quiet. */
export const tagPrecedent: Guard = {
  name: 'tag-precedent',
  check:
    'Compare the changed prefixes with the download page; sign-in stops working if this tag loses the wrong ones.',
  cannot: withoutPrecedent,
  judge: (context) => {
    const times = BigInt(allowances(context));
    const rules = context.policy.rules.flatMap(({ tags }) => tags.map(({ addresses }) => addresses));
    let known: DualStackSet | undefined;
    const allowed = () => (known ??= DualStackSet.union(rules));
    let families: ReturnType<typeof servicesOf> | undefined;
    const services = () => (families ??= servicesOf(context));
    return comparableTags(context).flatMap((comparable) => {
      const { tag, before, after } = comparable;
      const change = { tag, before, gained: after.difference(before), lost: before.difference(after), times };
      const named = NAMED.get(tag);
      const remarks =
        named !== undefined
          ? judgeNamed(change, named)
          : before.ipv4.size >= LARGE
            ? judgeLarge(change, context.limits)
            : [];
      if (remarks.length > 0) return remarks;
      if (before.ipv4.size >= LARGE) return oddGains(comparable, context, services);
      const ofHistory = judgeByOwnHistory(change, context.baseline?.accepted ?? []);
      return [
        ...(ofHistory.length > 0 ? ofHistory : judgeLoss(change, allowed)),
        ...oddGains(comparable, context, services),
      ];
    });
  },
};

interface Change {
  readonly tag: string;
  readonly before: DualStackSet;
  readonly gained: DualStackSet;
  readonly lost: DualStackSet;
  /** How many allowances lie between the weeks. */
  readonly times: bigint;
}

const FAMILIES = [
  ['ipv4', 'IPv4 addresses', 0n],
  ['ipv6', 'IPv6 /64 networks', 64n],
] as const;

/** In IPv4 addresses or /64 networks; what is less than a network counts as none. */
function amount(set: DualStackSet, family: 'ipv4' | 'ipv6', shift: bigint): bigint {
  return set[family].size >> shift;
}

function judgeNamed(
  { tag, before, gained, lost, times }: Change,
  { gain, loss, seen }: NonNullable<ReturnType<typeof NAMED.get>>,
): Remark[] {
  return FAMILIES.flatMap(([family, unit, shift]) =>
    (
      [
        ['gains', 'gained', gained, gain, seen.gain],
        ['loses', 'lost', lost, loss, seen.loss],
      ] as const
    ).flatMap(([verb, past, set, most, precedent]): Remark[] => {
      const size = amount(set, family, shift);
      // A family that arrives is no step of it.
      const refuse = !before[family].isEmpty && size > most[family] * times;
      if (!refuse && size <= precedent[family] * times) return [];
      return [
        {
          refuse,
          look: true,
          message: `the service tag ${tag} ${verb} ${digits(size)} of ${digits(amount(before, family, shift))} ${unit}; a lawful week ${past} ${digits(precedent[family])} at most, ${digits(most[family])} are allowed`,
        },
      ];
    }),
  );
}

// Lawful weeks of tags of this size lost 0.18 % (AzureCloud.eastus, 20220725) and gained 16.9 % at most
// (AzureCloud.uksouth, 20221017).
function judgeLarge(
  { tag, before, gained, lost, times }: Change,
  {
    precedentLossPercent,
    precedentGainPercent,
  }: { readonly precedentLossPercent: number; readonly precedentGainPercent: number },
): Remark[] {
  const remarks = FAMILIES.flatMap(([family, unit, shift]): Remark[] => {
    // A region lost 18 % of its IPv6 lawfully (AzureCloud.canadacentral, 20250707).
    if (family === 'ipv6' && tag.includes('.')) return [];
    const [size, whole] = [amount(lost, family, shift), amount(before, family, shift)];
    const most = family === 'ipv4' ? BigInt(precedentLossPercent) : IPV6_LOSS_PERCENT;
    const refuse = size * 100n > whole * most * times;
    const seen = family === 'ipv4' && tag === 'AzureCloud' ? SEEN_LOSS_OF_ALL : SEEN_LOSS[family];
    if (!refuse && size * 10_000n <= whole * seen * times) return [];
    const limit = `${most} %${family === 'ipv4' ? ' (guards.tag-precedent.lossPercent)' : ''}`;
    return [
      {
        refuse,
        look: true,
        message: `the service tag ${tag} loses ${digits(size)} of ${digits(whole)} ${unit}, ${refuse ? `more than ${limit}` : `under the limit of ${limit}`}; a lawful week of ${seen === SEEN_LOSS_OF_ALL ? 'it lost 0.05' : `a large tag lost ${family === 'ipv4' ? '0.18' : '0.37'}`} % at most`,
      },
    ];
  });
  if (gained.ipv4.size * 100n > before.ipv4.size * BigInt(precedentGainPercent) * times)
    remarks.push({
      refuse: true,
      message: `the service tag ${tag} gains ${digits(gained.ipv4.size)} on ${digits(before.ipv4.size)} IPv4 addresses, more than ${precedentGainPercent} % (guards.tag-precedent.gainPercent); a lawful week of a large tag gained 16.9 % at most`,
    });
  return remarks;
}

function judgeLoss(change: Change, allowed: () => DualStackSet): Remark[] {
  const ofRegion = judgeRegional(change);
  return ofRegion.length > 0 ? ofRegion : judgeSmall(change, allowed());
}

/** A loss that the rule's percentage hides behind a larger tag; what another tag in use still has is not lost. */
function judgeSmall({ tag, before, lost, times }: Change, allowed: DualStackSet): Remark[] {
  const isMuch = (size: bigint) =>
    size >= SMALL_LOSS && size * 100n > before.ipv4.size * SMALL_LOSS_PERCENT * times;
  if (!isMuch(lost.ipv4.size)) return [];
  const { size } = lost.ipv4.difference(allowed.ipv4);
  return isMuch(size)
    ? [
        {
          refuse: false,
          look: true,
          message: `the service tag ${tag} loses ${digits(size)} of ${digits(before.ipv4.size)} IPv4 addresses that no other tag in use has; over ${SMALL_LOSS_PERCENT} % asks for a look`,
        },
      ]
    : [];
}

/** A loss of a part, AzureCloud's aside: wherever it went, and in whatever tag, the parts of services keep theirs. */
function judgeRegional({ tag, before, lost, times }: Change): Remark[] {
  const { size } = lost.ipv4;
  return !tag.includes('.') ||
    tag.startsWith('AzureCloud.') ||
    before.ipv4.size < REGIONAL_FLOOR ||
    size <= REGIONAL_LOSS * times
    ? []
    : [
        {
          refuse: false,
          look: true,
          message: `the service tag ${tag} loses ${digits(size)} of ${digits(before.ipv4.size)} IPv4 addresses (such as ${lost.ipv4.coverTexts()[0]}); a regional tag of its size lawfully lost 73 at most`,
        },
      ];
}

/** A step that is many times as large as any that was accepted of this tag: worth a look, whatever its size. */
function judgeByOwnHistory(
  { tag, gained, lost, times }: Change,
  accepted: readonly AcceptedSizes[],
): Remark[] {
  const since = accepted.filter(({ tags }) => tags.has(tag)).slice(1);
  if (since.length < HISTORY) return [];
  return (
    [
      ['gains', 'gained', gained],
      ['loses', 'lost', lost],
    ] as const
  ).flatMap(([verb, past, set]): Remark[] => {
    const { size } = set.ipv4;
    const most = since.reduce((largest, { steps }) => {
      const step = steps?.get(tag)?.[past] ?? 0n;
      return step > largest ? step : largest;
    }, 0n);
    const limit = most * TIMES_ITS_OWN * times;
    return size <= (limit > OWN_FLOOR ? limit : OWN_FLOOR)
      ? []
      : [
          {
            refuse: false,
            look: true,
            message: `the service tag ${tag} ${verb} ${digits(size)} IPv4 addresses; the largest step since ${since[0]!.date} ${past} ${digits(most)}`,
          },
        ];
  });
}
