import { describe, expect, it } from 'vitest';
import { AddressSet } from '../../src/net/address-set.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { ReverseIndex } from '../../src/net/reverse-index.ts';
import { agree, CASES, forSeeds } from './seeded.ts';
import { IPV4_UNIVERSES, IPV6_UNIVERSES, randomMask } from './small-universe.ts';

const both = (...prefixes: readonly string[]) => DualStackSet.fromPrefixes(prefixes.map(parsePrefix));

describe('the reverse index', () => {
  // Made within each test, so that mutation testing can tell which tests reach which code.
  const makeIndex = () =>
    new ReverseIndex([
      ['Cloud', both('192.0.2.0/24', '198.51.100.0/24', '2001:db8::/32')],
      ['Storage', both('192.0.2.0/25', '2001:db8:1::/48')],
      ['Storage.East', both('192.0.2.0/26', '198.51.100.7/32')],
      ['Twin', both('192.0.2.0/25')],
      ['Wide6', both('2001:db8::/31')],
      ['Empty', DualStackSet.empty],
    ]);

  it.each([
    ['192.0.2.1/32', ['Storage.East', 'Storage', 'Twin', 'Cloud']],
    ['192.0.2.0/26', ['Storage.East', 'Storage', 'Twin', 'Cloud']],
    ['192.0.2.0/25', ['Storage', 'Twin', 'Cloud']],
    ['192.0.2.0/24', ['Cloud']],
    ['192.0.2.0/23', []],
    ['198.51.100.7/32', ['Storage.East', 'Cloud']],
    ['198.51.100.6/31', ['Cloud']],
    ['203.0.113.0/24', []],
    ['0.0.0.0/0', []],
    ['255.255.255.255/32', []],
    ['2001:db8:1::/64', ['Storage', 'Cloud', 'Wide6']],
    ['2001:db8::/32', ['Cloud', 'Wide6']],
    ['2001:db9::/64', ['Wide6']],
    ['::/128', []],
  ])('%s is in %j', (text, labels) => {
    const prefix = parsePrefix(text);
    const index = makeIndex();
    expect(index.ofPrefix(prefix)).toEqual(labels);
    if (prefix.length === (prefix.family === 4 ? 32 : 128)) {
      expect(index.ofAddress(prefix.family, prefix.first)).toEqual(labels);
      if (prefix.family === 4) expect(index.ofIpv4(Number(prefix.first))).toEqual(labels);
    }
  });

  it('of nothing has no labels', () => {
    const nothing = new ReverseIndex<string>([]);
    expect(nothing.ofAddress(4, 0n)).toEqual([]);
    expect(nothing.ofIpv4(0xffffffff)).toEqual([]);
    expect(nothing.ofPrefix(parsePrefix('::/0'))).toEqual([]);
  });

  it('reaches both ends of the space', () => {
    const whole = new ReverseIndex([['all', both('0.0.0.0/0', '::/0')]]);
    expect(whole.ofIpv4(0)).toEqual(['all']);
    expect(whole.ofIpv4(0xffffffff)).toEqual(['all']);
    expect(whole.ofPrefix(parsePrefix('::/0'))).toEqual(['all']);
    expect(whole.ofAddress(6, 2n ** 128n - 1n)).toEqual(['all']);
  });

  it('holds each list of labels once', () => {
    const index = makeIndex();
    expect(index.ofIpv4(0xc0000240)).toEqual(['Storage', 'Twin', 'Cloud']);
    expect(index.ofIpv4(0xc6336400)).toEqual(['Cloud']);
    // .100.0 - .100.6, .100.8 - .100.255 and 192.0.2.128 - .255 are three segments with one list.
    expect(index.ofIpv4(0xc6336408)).toBe(index.ofIpv4(0xc6336400));
    expect(index.ofIpv4(0xc00002ff)).toBe(index.ofIpv4(0xc6336400));
    expect(index.ofIpv4(0xc0000300)).toBe(index.ofIpv4(0));
    expect(index.ofPrefix(parsePrefix('198.51.100.8/29'))).toBe(index.ofIpv4(0xc6336400));
  });

  it('follows sets that touch', () => {
    const touching = new ReverseIndex([
      ['left', both('192.0.2.0/25', '2001:db8::/33')],
      ['right', both('192.0.2.128/25', '2001:db8:8000::/33')],
      ['right too', both('192.0.2.128/25', '2001:db8:8000::/33')],
    ]);
    expect(touching.ofIpv4(0xc000027f)).toEqual(['left']);
    expect(touching.ofIpv4(0xc0000280)).toEqual(['right', 'right too']);
    expect(touching.ofPrefix(parsePrefix('2001:db8:7fff::/48'))).toEqual(['left']);
    expect(touching.ofPrefix(parsePrefix('2001:db8:8000::/48'))).toEqual(['right', 'right too']);
    expect(touching.ofPrefix(parsePrefix('2001:db8::/32'))).toEqual([]);
  });

  it('keeps many labels apart', () => {
    // A hundred sets on each address, all different: every list of labels occurs once.
    const sets = Array.from({ length: 1000 }, (_, i) => {
      const ranges = [{ first: BigInt(i), last: BigInt(i + 99) }];
      return [i, new DualStackSet(AddressSet.fromRanges(4, ranges), AddressSet.empty(6))] as const;
    });
    const many = new ReverseIndex(sets);
    for (let value = 0; value < 1200; value++)
      expect(many.ofIpv4(value)).toEqual(sets.map(([i]) => i).filter((i) => i <= value && value <= i + 99));
  });
});

describe.each([
  [4, IPV4_UNIVERSES],
  [6, IPV6_UNIVERSES],
] as const)('the reverse index of IPv%i', (family, universes) => {
  it('finds what asking each set finds', () => {
    forSeeds(CASES / 10, (random, seed) => {
      const universe = universes[seed % universes.length]!;
      const masks = Array.from({ length: random.below(7) }, () => randomMask(random));
      const size = (mask: number) =>
        universe.runs(mask).reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
      const sorted = masks
        .map((mask, i) => ({ mask, i, size: size(mask) }))
        .sort((a, b) => (a.size === b.size ? a.i - b.i : a.size < b.size ? -1 : 1));
      const index = new ReverseIndex(
        masks.map((mask, i) => {
          const set = universe.set(mask, random);
          return [
            i,
            family === 4
              ? new DualStackSet(set, AddressSet.empty(6))
              : new DualStackSet(AddressSet.empty(4), set),
          ] as const;
        }),
      );
      for (let question = 0; question < 10; question++) {
        const log = random.below(6);
        const block = (random.below(32) >>> log) << log;
        const part = log === 5 ? -1 : ((1 << (1 << log)) - 1) << block;
        const labels = sorted.filter(({ mask }) => (mask & part) === (part | 0)).map(({ i }) => i);
        const length = (family === 4 ? 32 : 128) - universe.scale - log;
        agree('prefix', index.ofPrefix({ family, first: universe.first(block), length }), labels);
        if (log > 0) continue;
        const value = universe.first(block) + random.bits(universe.scale);
        agree('address', index.ofAddress(family, value), labels);
        if (family === 4) agree('numeric', index.ofIpv4(Number(value)), labels);
      }
    });
  });
});
