import { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { parsePrefix } from '../../net/prefix.ts';

/** When the list below was written down. */
export const ALLOCATED_AS_OF = '2026-11-29';

/**
 * IPv6 space that IANA has given to the regional registries: the rows of its registry "IPv6 Global Unicast Address
 * Assignments" with the status ALLOCATED, without its own (special-use space), neighbours joined. Of IPv4 all is given out
 * that is not special-use space. `node scripts/compare-allocated.js FILE` tells what another edition of the registry has.
 * Source: https://www.iana.org/assignments/ipv6-unicast-address-assignments/ipv6-unicast-address-assignments.csv, by a copy
 * of 2020, and 2410::/12, given to APNIC since.
 */
const IPV6 = [
  '2001:200::/23',
  '2001:400::/22',
  '2001:800::/21',
  '2001:1200::/23',
  '2001:1400::/22',
  '2001:1800::/21',
  '2001:2000::/19',
  '2001:4000::/21',
  '2001:4800::/22',
  '2001:4c00::/23',
  '2001:5000::/20',
  '2001:8000::/18',
  '2003::/18',
  '2400::/12',
  '2410::/12',
  '2600::/12',
  '2610::/23',
  '2620::/23',
  '2630::/12',
  '2800::/12',
  '2a00::/11',
  '2c00::/12',
];

/** Everything that IANA has given out; what else is in a feed belongs to nobody. */
export const ALLOCATED = new DualStackSet(
  AddressSet.all(4),
  AddressSet.fromPrefixes(6, IPV6.map(parsePrefix)),
);
