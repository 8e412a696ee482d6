import { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { parsePrefix } from '../../net/prefix.ts';
import type { Guard } from './guard.ts';
import type { GuardLimits } from './limits.ts';

/**
 * Ranges that no public service can be in: IANA's special-purpose address registries (RFC 6890 and its
 * updates), multicast and the reserved class E; for IPv6 everything outside of 2000::/3 as well, the only
 * global unicast space that IANA has allocated from. Azure's 168.63.129.16 is the host's side of every virtual machine, the
 * same in all regions and clouds: it answers inside Azure alone, and is in no weekly file.
 * Source: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16.
 */
const IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
const IPV6_INSIDE_GLOBAL = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];

/** All special-use addresses. */
export const SPECIAL_USE = new DualStackSet(
  AddressSet.fromPrefixes(4, IPV4.map(parsePrefix)),
  AddressSet.fromPrefixes(6, [parsePrefix('2000::/3')])
    .complement()
    .union(AddressSet.fromPrefixes(6, IPV6_INSIDE_GLOBAL.map(parsePrefix))),
);

/** The special-use addresses that no allowance of the configuration names. */
export function forbiddenSpecialUse({
  specialUseAllowed,
}: Pick<GuardLimits, 'specialUseAllowed'>): DualStackSet {
  return SPECIAL_USE.difference(DualStackSet.fromPrefixes(specialUseAllowed));
}

/** Special-use addresses in a rule: the sign of a forged, broken or made-up feed. */
export const specialUse: Guard = {
  name: 'special-use',
  check:
    'Do not accept private or special ranges from a feed; put what is really meant under prefixes of a rule.',
  judge: ({ policy, limits }) => {
    const forbidden = forbiddenSpecialUse(limits);
    return policy.rules.flatMap((rule) =>
      [
        ...rule.tags.map(({ tag, addresses }) => ({ from: `service tag ${tag}`, addresses })),
        { from: 'configured prefixes', addresses: DualStackSet.fromPrefixes(rule.prefixes) },
      ].flatMap(({ from, addresses }) => {
        const found = addresses.intersection(forbidden);
        if (found.isEmpty) return [];
        const list = found.toStrings();
        const shown = `${list.slice(0, 5).join(', ')}${list.length > 5 ? ` and ${list.length - 5} more` : ''}`;
        return {
          refuse: true,
          message: `rule ${rule.name}, ${from}: ${shown} special-use space (guards.special-use.allow lists what is allowed all the same)`,
        };
      }),
    );
  },
};
