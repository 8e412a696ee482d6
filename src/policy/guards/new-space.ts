import { daysBetween } from '../../feed/file-date.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { digits } from '../../numbers.ts';
import { blockInWords, type NewBlock, newBlocks, relativeInWords } from '../diff/new-space.ts';
import type { Guard, GuardContext, Remark } from './guard.ts';
import { type BeyondFigures, beyondFigures, type KnownFigures } from './known-figures.ts';
import { newM365Space } from './m365-space.ts';
import { SPECIAL_USE } from './special-use.ts';

/** Days that one allowance is for; a file may be a hole of the archive away from the week in force. */
export const ALLOWANCE_DAYS = 28;

/** How many allowances lie between the week in force and the feed; one where a date is missing. */
export function allowances({ baseline, snapshot }: GuardContext): number {
  if (baseline?.fileDate === undefined || snapshot.fileDate === undefined) return 1;
  return Math.max(1, Math.ceil(daysBetween(baseline.fileDate, snapshot.fileDate) / ALLOWANCE_DAYS));
}

/** Allowances beyond which no step of the archive is a precedent. */
const LONGEST = 3;

/** Why steps are no precedent: nothing is in force, or what is lies too far back. */
export function withoutPrecedent(context: GuardContext): string | undefined {
  if (context.baseline === undefined) return 'nothing is in force yet';
  return allowances(context) > LONGEST
    ? `the week in force is more than ${LONGEST * ALLOWANCE_DAYS} days older`
    : undefined;
}

/** How many blocks a refusal names. */
const SHOWN = 3;

/**
 * Addresses that no tag of a feed that was in force had, gained by the tags in use, or by the others: in all, in IPv6, and in a /8
 * where there was nothing. Percentages of AzureCloud's 47 million hide sixteen /12 of somebody else.
 */
export const newSpace: Guard = {
  name: 'new-space',
  check:
    'Check that Microsoft announces the blocks (RIPEstat, AS8075) and that the download page has the same file.',
  cannot: ({ baseline, knownFigures }) =>
    knownFigures !== undefined || baseline?.space !== undefined
      ? undefined
      : baseline === undefined
        ? 'nothing is in force yet'
        : 'the output tree of an earlier version does not tell the space of its feed',
  judge: (context) => {
    const { baseline, policy, space, knownFigures } = context;
    const ofSets = newM365Space(context);
    if (baseline?.space === undefined)
      return [...(knownFigures === undefined ? [] : beyondKnownFigures(knownFigures, context)), ...ofSets];
    const before = DualStackSet.union(baseline.tags.values());
    const now = DualStackSet.union(
      policy.rules.flatMap(({ tags }) =>
        tags.filter(({ m365 }) => m365 === undefined).map((tag) => tag.addresses),
      ),
    );
    return [
      ...beyondLimits(newBlocks(now.difference(before), baseline.space), '', context),
      ...beyondLimits(
        newBlocks(space.difference(now), baseline.space),
        ', in tags that no rule selects',
        context,
      ),
      ...ofSets,
    ];
  },
};

/**
 * How many limits of one step a feed that is newer than the figures may be beyond them, after so many steps of 28 days. Had
 * the archive ended at any of its files, every later one would be within, but for some on both sides of 2022-10-17, when
 * five /8 were opened at once.
 */
const STEPS_ALLOWED = {
  far: (steps: bigint) => (steps === 0n ? 1n : 64n + 2n * steps),
  all: (steps: bigint) => (steps === 0n ? 1n : 2n + steps / 4n),
  ipv6: (steps: bigint) => (steps === 0n ? 1n : steps),
};

/** The part of the limit of one step from which on what is beyond the figures asks for a look: a quarter. */
const LOOKED_AT = 4n;

/** IPv4 addresses from which on a cloud may grow as much as the public one; smaller ones in proportion. */
const GROWN = 25_165_824n;

/**
 * What is beyond the figures of the weekly files that this version ships: they stand in for the space that a tree remembers.
 * Special-use space is the other guard's.
 */
function beyondKnownFigures(figures: KnownFigures, context: GuardContext): Remark[] {
  const { limits, snapshot, today, space } = context;
  const beyond = beyondFigures(space.difference(SPECIAL_USE), figures);
  const days = daysBetween(figures.asOf, snapshot.fileDate ?? today);
  const steps = BigInt(Math.max(0, Math.ceil(days / ALLOWANCE_DAYS)));
  const known = [...figures.blocks].reduce(
    (sum, [block, size]) => (block.includes(':') ? sum : sum + size),
    0n,
  );
  const inProportion = (limit: bigint) => (known < GROWN ? (limit * known) / GROWN : limit);
  const remark = (
    size: bigint,
    what: string,
    key: string,
    { step, most, blocks }: { step: bigint; most: bigint; blocks: BeyondFigures['blocks'] },
  ): Remark[] =>
    size * LOOKED_AT <= step
      ? []
      : [
          {
            refuse: size > most,
            look: true,
            message: `${digits(size)} ${what} in the weekly files up to ${figures.asOf}; limit ${digits(most)}${steps === 0n ? '' : ` after ${steps} times ${ALLOWANCE_DAYS} days`} (guards.new-space.${key}): ${blocks
              .slice(0, SHOWN)
              .map((block) => `${digits(block.size)} in ${block.block}`)
              .join(', ')}${blocks.length > SHOWN ? ` and ${blocks.length - SHOWN} more blocks` : ''}`,
          },
        ];
  const ipv4 = beyond.blocks.filter(({ family }) => family === 4);
  const far = inProportion(BigInt(limits.newSpaceFarAddresses));
  const all = inProportion(BigInt(limits.newSpaceAddresses));
  const networks = BigInt(limits.newSpaceIpv6Networks);
  return [
    ...remark(beyond.far, 'IPv4 addresses in a /8 where no tag had any', 'farAddresses', {
      step: far,
      most: far * STEPS_ALLOWED.far(steps),
      blocks: ipv4.filter(({ isFarAway }) => isFarAway),
    }),
    ...remark(beyond.ipv4, 'IPv4 addresses more than their /12 had', 'addresses', {
      step: all,
      most: all * STEPS_ALLOWED.all(steps),
      blocks: ipv4,
    }),
    ...remark(beyond.ipv6Networks, 'IPv6 /64 networks more than their /32 had', 'ipv6Networks', {
      step: networks,
      most: networks * STEPS_ALLOWED.ipv6(steps),
      blocks: beyond.blocks.filter(({ family }) => family === 6),
    }),
  ];
}

/** What is over the limits among blocks that no tag had. */
function beyondLimits(blocks: readonly NewBlock[], where: string, context: GuardContext): Remark[] {
  const { limits } = context;
  const times = BigInt(allowances(context));
  const sum = (some: readonly NewBlock[]) => some.reduce((total, { size }) => total + size, 0n);
  const said = (some: readonly NewBlock[]) =>
    `${some
      .slice(0, SHOWN)
      .map((block) => `${blockInWords(block)} (${relativeInWords(block)})`)
      .join(', ')}${some.length > SHOWN ? ` and ${some.length - SHOWN} more blocks` : ''}`;
  const [ipv4, ipv6] = [
    blocks.filter(({ family }) => family === 4),
    blocks.filter(({ family }) => family === 6),
  ];
  const far = ipv4.filter(({ isFarAway }) => isFarAway);
  const remarks: Remark[] = [];
  const refuse = (what: string, key: string, limit: bigint | number, some: readonly NewBlock[]) =>
    remarks.push({
      refuse: true,
      message: `${what}${where}; limit ${digits(limit)} in ${ALLOWANCE_DAYS} days (guards.new-space.${key}): ${said(some)}`,
    });
  if (sum(far) > BigInt(limits.newSpaceFarAddresses) * times)
    refuse(
      `${digits(sum(far))} IPv4 addresses in a /8 where no tag had any`,
      'farAddresses',
      limits.newSpaceFarAddresses,
      far,
    );
  if (sum(ipv4) > BigInt(limits.newSpaceAddresses) * times)
    refuse(
      `${digits(sum(ipv4))} IPv4 addresses that no tag had`,
      'addresses',
      limits.newSpaceAddresses,
      ipv4,
    );
  const networks = sum(ipv6) >> 64n;
  if (networks > BigInt(limits.newSpaceIpv6Networks) * times)
    refuse(
      `${digits(networks)} IPv6 /64 networks that no tag had`,
      'ipv6Networks',
      limits.newSpaceIpv6Networks,
      ipv6,
    );
  return remarks;
}
