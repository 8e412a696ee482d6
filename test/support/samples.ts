import { formatAddress, width } from '../../src/net/address.ts';
import type { AddressSet } from '../../src/net/address-set.ts';
import type { PolicyRule } from '../../src/policy/policy.ts';
import { below } from './random.ts';

/** Addresses at the edges of ranges of the set, just outside them, and inside; `count` draws, in order. */
export function sampleAddresses(set: AddressSet, count: number, random: () => number): bigint[] {
  const ranges = [...set.ranges()];
  const last = (1n << BigInt(width(set.family))) - 1n;
  const drawn = Array.from({ length: count }, (_, index): bigint => {
    const range = ranges[below(random, ranges.length)]!;
    const size = range.last - range.first + 1n;
    switch (index % 5) {
      case 0:
        return range.first;
      case 1:
        return range.last;
      case 2:
        return range.first - 1n;
      case 3:
        return range.last + 1n;
      default:
        return range.first + (BigInt(Math.floor(random() * 2 ** 52)) * size) / 2n ** 52n;
    }
  });
  return drawn.filter((address) => address >= 0n && address <= last);
}

/** Addresses and ports to dial, and whether the rules let them through. */
export function sampleAttempts(
  rules: readonly PolicyRule[],
  ports: readonly number[],
  count: number,
  random: () => number,
): { attempts: [string, number][]; expected: boolean[] } {
  const all = { 4: rules.map((rule) => rule.addresses.ipv4), 6: rules.map((rule) => rule.addresses.ipv6) };
  const attempts: [string, number][] = [];
  const expected: boolean[] = [];
  for (const family of [4, 6] as const) {
    const union = all[family].reduce((sum, set) => sum.union(set));
    if (union.isEmpty) continue;
    for (const address of sampleAddresses(union, count, random)) {
      const port = ports[below(random, ports.length)]!;
      attempts.push([formatAddress(family, address), port]);
      expected.push(
        rules.some((rule, index) => all[family][index]!.contains(address) && rule.addressPorts.has(port)),
      );
    }
  }
  return { attempts, expected };
}
