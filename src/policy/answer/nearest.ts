import type { Family } from '../../net/address.ts';
import { formatHostPattern } from '../../net/host-pattern.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { closest } from '../../suggest.ts';
import { ofFamily, type Register } from './register.ts';

/** The allowed names that the host was most likely meant to be; null where none comes near. */
export function nearestNames(register: Register, host: string): string | null {
  const labels = host.split('.');
  const patterns = new Map<string, string>();
  for (const { hosts } of register.rules)
    for (const pattern of hosts) {
      // What stands before the suffix is free: `a.exmaple.com` is as near to `*.example.com` as `exmaple.com` is.
      const free = labels.length - pattern.name.split('.').length;
      const head = pattern.subdomains ? labels.slice(0, Math.max(0, free)) : [];
      patterns.set([...head, pattern.name].join('.'), formatHostPattern(pattern));
    }
  const near = closest(host, patterns.keys()).map((text) => patterns.get(text)!);
  return near.length === 0 ? null : `the nearest names that are asked for: ${near.join(', ')}`;
}

/**
 * The nearest address of any rule below or above the range, and the prefix that it stands in; null where no rule
 * has an address of the family.
 */
export function nearestAddress(
  register: Register,
  family: Family,
  first: bigint,
  last: bigint,
): string | null {
  const set = ofFamily(register.addresses, family);
  const below = set.nearestAtOrBelow(first);
  const above = set.nearestAtOrAbove(last);
  const near = [
    ...(below === undefined ? [] : [{ address: below, far: first - below, where: 'below' }]),
    ...(above === undefined ? [] : [{ address: above, far: above - last, where: 'above' }]),
  ].sort((a, b) => (a.far < b.far ? -1 : a.far > b.far ? 1 : 0))[0];
  if (near === undefined) return null;
  const { address, far, where } = near;
  const tag = register.tagsOf(family, address)[0];
  const rule = register.rulesOf(family, address)[0]!;
  const prefix = (tag ?? rule).published.narrowest(family, address)!;
  const owner = tag === undefined ? `rule ${rule.rule.name}` : tag.tag.tag;
  return `the nearest prefix that is asked for is ${formatPrefix(prefix)} (${owner}), ${far} ${far === 1n ? 'address' : 'addresses'} ${where}`;
}
