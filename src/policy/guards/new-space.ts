import { daysBetween } from '../../feed/file-date.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { digits } from '../../numbers.ts';
import { blockInWords, type NewBlock, newBlocks, relativeInWords } from '../diff/new-space.ts';
import type { Guard, GuardContext, Remark } from './guard.ts';

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
  cannot: ({ baseline }) =>
    baseline === undefined
      ? 'nothing is in force yet'
      : baseline.space === undefined
        ? 'the output tree of an earlier version does not tell the space of its feed'
        : undefined,
  judge: (context) => {
    const { baseline, policy, space } = context;
    if (baseline?.space === undefined) return [];
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
    ];
  },
};

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
