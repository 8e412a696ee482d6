import { DualStackSet } from '../../net/dual-stack-set.ts';
import { digits } from '../../numbers.ts';
import { type ComparableTag, comparableTags } from './comparable-tags.ts';
import type { Guard, GuardContext, Remark } from './guard.ts';
import { withoutPrecedent } from './new-space.ts';

/**
 * Addresses that a global tag may lose in the step in which regional tags of it vanish: a lawful one lost 112
 * (AzureUpdateDelivery, 20250707), and 363 regional tags that were emptied at once (20230130) took nothing along.
 */
const WITH_ITS_REGION = { ipv4: 4096n, ipv6: 65_536n << 64n } as const;

/**
 * IPv4 addresses and percent of its own over which what a part loses is looked at, and refused. Of the parts that lost over
 * 1,024, AzureCloud.southafricawest lost 3.9 % (4,096, 20250616), the others 2.5 % at most; of those that lost over 256, three
 * of AzureSignalR lost most of theirs (768 at most, 20220606).
 */
const PART_LOOK = { over: 256n, percent: 5n } as const;
const PART_REFUSED = { over: 1024n, percent: 50n } as const;

/** From how many other parts on the parts of a tag are its regions; AzureActiveDirectory.ServiceEndpoint stands alone. */
const REGIONS = 4;

/**
 * Addresses that leave a global tag while a part of it still has them, or a part while the global tag still has them, or
 * a global tag together with a regional tag that vanishes: in no lawful step of the archive. The tag was cut.
 */
export const regionLost: Guard = {
  name: 'region-lost',
  check: 'Check whether a later file has the region again before devices lose it.',
  cannot: withoutPrecedent,
  judge: (context) =>
    comparableTags(context).flatMap((tag) => [
      ...stillInAPart(tag, context),
      ...stillInTheWhole(tag, context),
      ...goneWithItsRegion(tag, context),
      ...shareOfARegion(tag, context),
    ]),
};

/** By name alone: whoever cuts a region can empty the field that says so. */
function partsOf(tag: string, { snapshot }: GuardContext) {
  return [...snapshot.tags.values()].filter(({ name }) => name.startsWith(`${tag}.`));
}

function stillInAPart({ tag, before, after }: ComparableTag, context: GuardContext): Remark[] {
  const lost = before.difference(after);
  if (lost.isEmpty) return [];
  return partsOf(tag, context).flatMap(({ name, region, addresses }) => {
    const still = addresses.intersection(lost);
    return still.isEmpty
      ? []
      : [
          {
            refuse: true,
            message: `the service tag ${tag} loses ${sizesOf(still)}${region === '' ? '' : ` of the region ${region}`} that ${name} still has (such as ${still.toStrings()[0]})`,
          },
        ];
  });
}

function stillInTheWhole({ tag, before, after }: ComparableTag, context: GuardContext): Remark[] {
  const dot = tag.indexOf('.');
  const whole = dot < 0 ? undefined : context.snapshot.tags.get(tag.slice(0, dot));
  const lost = before.difference(after);
  if (whole === undefined || lost.isEmpty) return [];
  // What another part has now has moved there.
  const elsewhere = partsOf(whole.name, context).filter(({ name }) => name !== tag);
  if (elsewhere.length < REGIONS) return [];
  const still = whole.addresses
    .intersection(lost)
    .difference(DualStackSet.union(elsewhere.map(({ addresses }) => addresses)));
  return still.isEmpty
    ? []
    : [
        {
          refuse: true,
          message: `the service tag ${tag} loses ${sizesOf(still)} that ${whole.name} still has, and no other part of it (such as ${still.toStrings()[0]})`,
        },
      ];
}

function goneWithItsRegion(
  { tag, before, after }: ComparableTag,
  { baseline, snapshot }: GuardContext,
): Remark[] {
  const gone = [...(baseline?.parts?.get(tag)?.keys() ?? [])].filter((part) => {
    const now = snapshot.tags.get(`${tag}.${part}`);
    return now === undefined || now.addresses.isEmpty;
  });
  const lost = before.difference(after);
  if (gone.length === 0) return [];
  if (lost.ipv4.size <= WITH_ITS_REGION.ipv4 && lost.ipv6.size <= WITH_ITS_REGION.ipv6) return [];
  return [
    {
      refuse: true,
      message: `the service tag ${tag} loses ${sizesOf(lost)} in the week in which ${gone.map((part) => `${tag}.${part}`).join(', ')} vanished`,
    },
  ];
}

/** A region that is cut in every tag: of a whole tag's addresses it may be few, of its own it is most. */
function shareOfARegion(
  { tag, before, after }: ComparableTag,
  { baseline, snapshot }: GuardContext,
): Remark[] {
  const left = before.ipv4.difference(after.ipv4).size;
  return [...(baseline?.parts?.get(tag) ?? [])].flatMap(([part, had]): Remark[] => {
    const name = `${tag}.${part}`;
    const lost = (had ?? 0n) - (snapshot.tags.get(name)?.addresses.ipv4.size ?? 0n);
    // What the whole tag still has is elsewhere in it: a region that was renamed or divided.
    if (had === undefined || left < lost) return [];
    const isOver = ({ over, percent }: typeof PART_LOOK | typeof PART_REFUSED) =>
      lost > over && lost * 100n > had * percent;
    return isOver(PART_LOOK)
      ? [
          {
            refuse: isOver(PART_REFUSED),
            look: true,
            message: `${name} loses ${digits(lost)} of ${digits(had)} IPv4 addresses, and ${tag} with it; over ${PART_LOOK.percent} % of a region ask for a look, over ${PART_REFUSED.percent} % are refused`,
          },
        ]
      : [];
  });
}

function sizesOf({ ipv4, ipv6 }: DualStackSet): string {
  return `${digits(ipv4.size)} IPv4 addresses${ipv6.isEmpty ? '' : ' and IPv6 space'}`;
}
