import { describe, expect, it } from 'vitest';
import { AddressSet } from '../../src/net/address-set.ts';
import { sortedRecords } from '../../src/net/bulk.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { formatPrefix, parsePrefix } from '../../src/net/prefix.ts';
import { CASES, Random } from './seeded.ts';
import { AddressSet as TwinSet } from './twin/address-set.ts';

const TOP4 = 2n ** 32n - 1n;
const TOP6 = 2n ** 128n - 1n;

function set(...prefixes: readonly string[]): AddressSet {
  const family = prefixes[0]?.includes(':') ? 6 : 4;
  return AddressSet.fromPrefixes(family, prefixes.map(parsePrefix));
}

const cover = (addresses: AddressSet) => addresses.cover().map(formatPrefix);

describe('the exact cover', () => {
  it.each([
    [['0.0.0.0/0'], ['0.0.0.0/0']],
    [['0.0.0.0/1', '128.0.0.0/1'], ['0.0.0.0/0']],
    [['::/0', '2001:db8::/32'], ['::/0']],
    [['8000::/1', '::/1'], ['::/0']],
    [['0.0.0.0/32'], ['0.0.0.0/32']],
    [['255.255.255.255/32', '255.255.255.254/32'], ['255.255.255.254/31']],
    [['::/128', '::1/128'], ['::/127']],
    [['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'], ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128']],
    [['192.0.2.0/24', '192.0.3.0/24'], ['192.0.2.0/23']],
    [
      ['192.0.1.0/24', '192.0.2.0/24'],
      ['192.0.1.0/24', '192.0.2.0/24'],
    ],
    [['198.51.100.0/32', '198.51.100.0/24', '198.51.100.0/28'], ['198.51.100.0/24']],
    [['2001:db8:0:1::/64', '2001:db8::/64'], ['2001:db8::/63']],
    [
      ['2001:db8::ffff:ffff:0:0/96', '2001:db8::fffe:0:0/96'],
      ['2001:db8::fffe:0:0/96', '2001:db8::ffff:ffff:0:0/96'],
    ],
  ])('of %j is %j', (prefixes, expected) => {
    expect(cover(set(...prefixes))).toEqual(expected);
  });

  it('of a range with ragged ends climbs and descends', () => {
    const ragged = AddressSet.fromRanges(4, [{ first: 1n, last: TOP4 - 1n }]);
    expect(ragged.coverCount).toBe(62);
    expect(cover(ragged).slice(0, 3)).toEqual(['0.0.0.1/32', '0.0.0.2/31', '0.0.0.4/30']);
    expect(cover(ragged).at(-1)).toBe('255.255.255.254/32');
    expect(AddressSet.fromRanges(6, [{ first: 1n, last: TOP6 - 1n }]).coverCount).toBe(254);
    expect(AddressSet.fromRanges(6, [{ first: 1n, last: TOP6 }]).coverCount).toBe(128);
  });
});

describe('an address set', () => {
  it('can be empty like any other', () => {
    for (const family of [4, 6] as const) {
      const empty = AddressSet.empty(family);
      const all = AddressSet.all(family);
      expect([empty.isEmpty, empty.size, empty.rangeCount, empty.coverCount]).toEqual([true, 0n, 0, 0]);
      expect([...empty.ranges()]).toEqual([]);
      expect(empty.cover()).toEqual([]);
      expect(empty.coverBytes()).toHaveLength(0);
      expect(empty.contains(0n)).toBe(false);
      expect(empty.containsIpv4(0)).toBe(false);
      expect(empty.nearestAtOrBelow(5n)).toBeUndefined();
      expect(empty.nearestAtOrAbove(5n)).toBeUndefined();
      expect(empty.complement().equals(all)).toBe(true);
      expect(all.complement().equals(empty)).toBe(true);
      expect(empty.union(empty).equals(empty)).toBe(true);
      expect(all.difference(all).equals(empty)).toBe(true);
      expect(empty.isSupersetOf(empty)).toBe(true);
      expect(all.isSupersetOf(empty)).toBe(true);
      expect(AddressSet.union(family, []).equals(empty)).toBe(true);
    }
  });

  it('reaches both ends of the space', () => {
    const all4 = AddressSet.all(4);
    expect(all4.size).toBe(2n ** 32n);
    expect([...all4.ranges()]).toEqual([{ first: 0n, last: TOP4 }]);
    expect(all4.contains(TOP4)).toBe(true);
    expect(all4.containsIpv4(0xffffffff)).toBe(true);
    expect(AddressSet.all(6).size).toBe(2n ** 128n);
    expect(AddressSet.all(6).contains(TOP6)).toBe(true);
    expect(AddressSet.all(6).containsIpv4(7)).toBe(false);
    const top = set('255.255.255.254/31');
    expect([...top.ranges()]).toEqual([{ first: TOP4 - 1n, last: TOP4 }]);
    expect(top.nearestAtOrBelow(TOP4)).toBe(TOP4);
    expect(top.nearestAtOrBelow(TOP4 - 2n)).toBeUndefined();
    expect(top.nearestAtOrAbove(0n)).toBe(TOP4 - 1n);
    expect(cover(top.complement()).at(-1)).toBe('255.255.255.252/31');
  });

  it('contains nothing from outside the space', () => {
    const all = AddressSet.all(4);
    expect(all.contains(-1n)).toBe(false);
    expect(all.contains(2n ** 32n)).toBe(false);
    expect(all.containsRange({ first: 0n, last: 2n ** 32n })).toBe(false);
    expect(all.containsRange({ first: 2n, last: 1n })).toBe(false);
    expect(all.containsRange({ first: -1n, last: 1n })).toBe(false);
    expect(all.containsPrefix(parsePrefix('::/128'))).toBe(false);
    expect(AddressSet.all(6).contains(2n ** 128n)).toBe(false);
  });

  it('of IPv6 contains no IPv4 address', () => {
    const words = set('2001:db8::/32', '::1/128', 'c000:201::/128');
    for (const value of [0, 1, 2, 0x20010db8, 0x20010db9, 0xc0000201, 0xc0000202])
      expect(words.containsIpv4(value)).toBe(false);
  });

  it('answers by text', () => {
    const some = set('192.0.2.0/25', '198.51.100.0/24');
    expect(some.containsIpv4Text('192.0.2.127')).toBe(true);
    expect(some.containsIpv4Text('192.0.2.128')).toBe(false);
    expect(() => some.containsIpv4Text('192.0.2')).toThrow('four parts');
  });

  it('refuses ranges and prefixes that make no sense', () => {
    for (const range of [
      { first: -1n, last: 0n },
      { first: 1n, last: 0n },
      { first: 0n, last: 2n ** 32n },
    ])
      expect(() => AddressSet.fromRanges(4, [range])).toThrow(
        'a range must be ordered and inside the address space',
      );
    expect(() => AddressSet.fromRanges(6, [{ first: 0n, last: 2n ** 128n }])).toThrow(RangeError);
    expect(() => AddressSet.fromPrefixes(4, [parsePrefix('::/0')])).toThrow('a prefix of the other family');
    expect(() => AddressSet.fromPrefixes(6, [parsePrefix('0.0.0.0/0')])).toThrow(
      'a prefix of the other family',
    );
    expect(() => AddressSet.empty(4).union(AddressSet.empty(6))).toThrow('sets of different families');
    expect(() => AddressSet.fromRanges(4, [{ first: -1n, last: 0n }])).toThrow(RangeError);
    expect(() => AddressSet.empty(4).equals(AddressSet.empty(6))).toThrow(TypeError);
    expect(() => AddressSet.union(4, [AddressSet.empty(6)])).toThrow('sets of different families');
  });

  it('takes the complement within a prefix', () => {
    expect(cover(set('192.0.2.64/26', '10.0.0.0/8').complement(parsePrefix('192.0.2.0/24')))).toEqual([
      '192.0.2.0/26',
      '192.0.2.128/25',
    ]);
    expect(cover(set('2001:db8::/33').complement(parsePrefix('2001:db8::/32')))).toEqual([
      '2001:db8:8000::/33',
    ]);
    expect(cover(set('192.0.0.0/8').complement(parsePrefix('192.0.2.0/24')))).toEqual([]);
  });
});

describe('large sets', () => {
  it.each([4, 6] as const)('of IPv%i equal those of the slow twin', (family) => {
    const random = new Random(family);
    const bits = family === 4 ? 32 : 128;
    const make = () =>
      Array.from({ length: Math.max(400, CASES / 25) }, () => {
        // Twenty random bits, in IPv6 across a word boundary: prefixes collide, nest and touch.
        const shift = family === 4 ? 0n : random.pick([0n, 54n]);
        const host = BigInt(random.below(7));
        const first = ((random.bits(20) >> host) << (host + shift)) | (5n << BigInt(bits - 8));
        return { family, first, length: bits - Number(host + shift) };
      });
    const [a, b] = [make(), make()];
    const [fastA, fastB] = [AddressSet.fromPrefixes(family, a), AddressSet.fromPrefixes(family, b)];
    const [slowA, slowB] = [TwinSet.fromPrefixes(family, a), TwinSet.fromPrefixes(family, b)];
    const same = (fast: AddressSet, slow: TwinSet) => {
      expect([...fast.ranges()]).toEqual([...slow.ranges()]);
      expect(fast.cover()).toEqual(slow.cover());
      expect(fast.size).toBe(slow.size);
    };
    expect(fastA.rangeCount).toBeGreaterThan(100);
    same(fastA, slowA);
    same(fastA.union(fastB), slowA.union(slowB));
    same(fastA.intersection(fastB), slowA.intersection(slowB));
    same(fastA.difference(fastB), slowA.difference(slowB));
    same(fastA.symmetricDifference(fastB), slowA.symmetricDifference(slowB));
    same(fastA.complement(), slowA.complement());
    // More than the first buffer of the writer holds.
    expect(fastA.coverBytes().length).toBeGreaterThan(4096);
    expect(new TextDecoder().decode(fastA.coverBytes())).toBe(
      `${fastA.cover().map(formatPrefix).join('\n')}\n`,
    );
    if (family === 4)
      for (let i = 0; i < CASES / 5; i++) {
        const value = random.chance(2) ? random.word() : 5 * 2 ** 24 + random.below(2 ** 20);
        expect(fastA.containsIpv4(value)).toBe(slowA.contains(BigInt(value)));
      }
  });
});

describe('the sort of many ranges', () => {
  it.each([0, 1, 2, 3, 24, 25, 1000, 9000])('puts %i records in the order of their addresses', (count) => {
    const random = new Random(count);
    for (const words of [1, 4] as const)
      for (const tail of [1, words]) {
        // Narrow words, so that many records have equal ones, and whole ones.
        const narrow = Array.from({ length: words }, () => random.pick([0, 24, 31]));
        const records = Array.from({ length: count }, (_, i) => [
          ...narrow.map((bits) => random.word() >>> bits),
          ...Array.from({ length: tail }, () => i),
        ]);
        const sorted = sortedRecords(Uint32Array.from(records.flat()), words + tail, words);
        const compare = (a: readonly number[], b: readonly number[]) =>
          narrow.reduce((order, _, k) => order || a[k]! - b[k]!, 0);
        expect([...sorted]).toEqual(records.toSorted(compare).flat());
      }
  });

  it.skipIf(CASES < 100_000)('serves sets of more than a hundred thousand ranges', () => {
    const ranges = Array.from({ length: 150_000 }, (_, i) => BigInt((i * 7919) % 150_000) * 3n).map(
      (first) => ({ first, last: first }),
    );
    const set = AddressSet.fromRanges(4, ranges);
    expect(set.rangeCount).toBe(150_000);
    expect(set.size).toBe(150_000n);
    expect([set.contains(0n), set.contains(1n), set.contains(449_997n), set.contains(449_998n)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe('a dual-stack set', () => {
  const both = (...prefixes: readonly string[]) => DualStackSet.fromPrefixes(prefixes.map(parsePrefix));
  it('does each family on its own', () => {
    const a = both('192.0.2.0/24', '2001:db8::/32');
    const b = both('192.0.2.128/25', '2001:db8::/33', '198.51.100.0/24');
    expect(a.cover().map(formatPrefix)).toEqual(['192.0.2.0/24', '2001:db8::/32']);
    expect(a.union(b).toStrings()).toEqual(['192.0.2.0/24', '198.51.100.0/24', '2001:db8::/32']);
    expect(a.intersection(b).toStrings()).toEqual(['192.0.2.128/25', '2001:db8::/33']);
    expect(a.difference(b).toStrings()).toEqual(['192.0.2.0/25', '2001:db8:8000::/33']);
    expect(DualStackSet.union([a, b, DualStackSet.empty]).equals(a.union(b))).toBe(true);
    expect(DualStackSet.union([]).isEmpty).toBe(true);
    expect(DualStackSet.union([a]).equals(a)).toBe(true);
    expect(a.isSupersetOf(b)).toBe(false);
    expect(a.union(b).isSupersetOf(b)).toBe(true);
    expect(a.isSupersetOf(both('192.0.2.0/32'))).toBe(true);
    expect(a.isSupersetOf(both('::/128'))).toBe(false);
    expect(a.equals(both('192.0.2.0/24'))).toBe(false);
    expect(a.equals(both('2001:db8::/32'))).toBe(false);
    expect(both('2001:db8::/32').isEmpty).toBe(false);
    expect(both('192.0.2.0/24').isEmpty).toBe(false);
    expect(a.containsPrefix(parsePrefix('192.0.2.64/26'))).toBe(true);
    expect(a.containsPrefix(parsePrefix('2001:db8:1::/48'))).toBe(true);
    expect(a.containsPrefix(parsePrefix('2001:db9::/48'))).toBe(false);
  });
});

describe('the union of many sets', () => {
  it.each([4, 6] as const)('of IPv%i is that of two and two, up to the top of the space', (family) => {
    const random = new Random(family);
    const width = family === 4 ? 32 : 128;
    for (let round = 0; round < 200; round++) {
      const sets = Array.from({ length: 17 + random.below(30) }, () =>
        AddressSet.fromRanges(
          family,
          Array.from({ length: random.below(6) }, () => {
            // Many ends in words of zeros or ones, where one address less borrows from the word before.
            const shift = BigInt(random.pick([0, 16, 32, 64, 96].filter((bits) => bits < width)));
            const a = (random.bits(width) >> shift) << shift;
            const b = random.chance(4) ? 2n ** BigInt(width) - 1n : (random.bits(width) >> shift) << shift;
            return a <= b ? { first: a, last: b } : { first: b, last: a - 1n < b ? b : a - 1n };
          }),
        ),
      );
      const together = AddressSet.union(family, sets);
      const oneByOne = sets.reduce((sum, one) => sum.union(one), AddressSet.empty(family));
      expect(together.equals(oneByOne)).toBe(true);
      expect(together.size).toBe(oneByOne.size);
      const lengths = together.cover().map(({ length }) => length);
      expect(together.shortestLength).toBe(lengths.length === 0 ? undefined : Math.min(...lengths));
    }
  });

  it('takes sets of one family alone', () => {
    expect(() => AddressSet.union(4, [set('2001:db8::/32')])).toThrow(TypeError);
    expect(() =>
      AddressSet.union(4, [...Array.from({ length: 20 }, () => set('192.0.2.0/24')), set('::/0')]),
    ).toThrow(TypeError);
  });
});
