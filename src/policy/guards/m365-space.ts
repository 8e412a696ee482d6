import { DualStackSet } from '../../net/dual-stack-set.ts';
import { digits } from '../../numbers.ts';
import type { GuardContext, Remark } from './guard.ts';

/**
 * IPv6 /64 networks over which no gain of the endpoint sets is lawful: the service publishes nothing broader than a /36
 * (2603:1016::/36 of Exchange Online).
 * Source: https://learn.microsoft.com/en-us/microsoft-365/enterprise/urls-and-ip-address-ranges.
 */
const MOST_NETWORKS = 1n << 28n;

/** How many ranges a remark names. */
const SHOWN = 3;

/**
 * Addresses that endpoint sets of Microsoft 365 gain and that neither any of them in force, nor any service tag this week or
 * before, ever had. Address ranges of the service change a few times a year, and mostly inside of Azure's: every such gain
 * asks for a look. A set that was not in force is never refused, as the configuration may have selected it newly.
 */
export function newM365Space({ baseline, m365, policy, space, limits }: GuardContext): Remark[] {
  if (m365 === undefined || baseline?.m365?.instance !== m365.instance) return [];
  const sets = policy.rules.flatMap(({ tags }) => tags.filter((tag) => tag.m365 !== undefined));
  const inForce = (baseline.policy?.rules ?? []).flatMap(({ tags }) =>
    tags.filter((tag) => tag.m365 !== undefined),
  );
  const before = new Set(inForce.map(({ tag }) => tag));
  const known = DualStackSet.union([
    space,
    ...(baseline.space === undefined ? [] : [baseline.space]),
    ...inForce.map(({ addresses }) => addresses),
  ]);
  const gained = (isInForce: boolean) => {
    const own = sets.filter(({ tag }) => before.has(tag) === isInForce);
    const fresh = own.map((set) => ({ tag: set.tag, addresses: set.addresses.difference(known) }));
    return fresh.filter(({ addresses }) => !addresses.isEmpty);
  };
  return [true, false].flatMap((isInForce): Remark[] => {
    const fresh = gained(isInForce);
    if (fresh.length === 0) return [];
    const all = DualStackSet.union(fresh.map(({ addresses }) => addresses));
    const [ipv4, ipv6] = [all.ipv4.size, (all.ipv6.size + (1n << 64n) - 1n) >> 64n];
    const ranges = all.toStrings();
    const isTooMuch = ipv4 > BigInt(limits.newSpaceFarAddresses) || ipv6 > MOST_NETWORKS;
    return [
      {
        refuse: isInForce && isTooMuch,
        look: true,
        message: `${isInForce ? '' : 'endpoint sets that were not in force: '}${[...new Set(fresh.map(({ tag }) => tag))].sort().join(', ')} ${fresh.length === 1 ? 'gains' : 'gain'} ${digits(ipv4)} IPv4 addresses and ${digits(ipv6)} IPv6 /64 networks that no set in force and no service tag had; limit ${digits(limits.newSpaceFarAddresses)} (guards.new-space.farAddresses) and ${digits(MOST_NETWORKS)}: ${ranges.slice(0, SHOWN).join(', ')}${ranges.length > SHOWN ? ` and ${ranges.length - SHOWN} more` : ''}`,
      },
    ];
  });
}
