import { describe, expect, it } from 'vitest';
import { AddressSet } from '../../src/net/address-set.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { agree, CASES, forSeeds } from './seeded.ts';
import { IPV4_UNIVERSES, IPV6_UNIVERSES, randomMask, type SmallUniverse } from './small-universe.ts';

const families: readonly (readonly [string, readonly SmallUniverse[]])[] = [
  ['IPv4', IPV4_UNIVERSES],
  ['IPv6', IPV6_UNIVERSES],
];

describe.each(families)('%s sets against bit masks', (_, universes) => {
  it('has the algebra of the masks', () => {
    forSeeds(CASES, (random, seed) => {
      const universe = universes[seed % universes.length]!;
      const a = randomMask(random);
      const b = random.chance(16) ? a : randomMask(random);
      const left = universe.set(a, random);
      const right = universe.set(b, random);
      agree('the set', universe.mask(left), a);
      agree('union', universe.mask(left.union(right)), (a | b) >>> 0);
      agree('intersection', universe.mask(left.intersection(right)), (a & b) >>> 0);
      agree('difference', universe.mask(left.difference(right)), (a & ~b) >>> 0);
      agree('symmetric difference', universe.mask(left.symmetricDifference(right)), (a ^ b) >>> 0);
      agree('complement', universe.mask(left.complement(universe.prefix)), ~a >>> 0);
      agree('equals', left.equals(right), a === b);
      agree('superset', left.isSupersetOf(right), (b & ~a) === 0);
      agree('intersects', left.intersects(right), (a & b) !== 0);
      agree('empty', left.isEmpty, a === 0);
      agree('ranges', left.rangeCount, universe.runs(a).length);
    });
  });

  it('measures, finds and covers as the masks do', () => {
    forSeeds(CASES, (random, seed) => {
      const universe = universes[seed % universes.length]!;
      const mask = randomMask(random);
      const set = universe.set(mask, random);
      const has = (block: number) => block >= 0 && block < 32 && ((mask >>> block) & 1) === 1;

      let count = 0n;
      for (let block = 0; block < 32; block++) if (has(block)) count++;
      agree('size', set.size, count << BigInt(universe.scale));

      const block = random.below(32);
      const value = random.pick([
        universe.first(block),
        universe.last(block),
        universe.first(block) + random.bits(universe.scale),
      ]);
      agree('contains', set.contains(value), has(block));
      if (universe.family === 4) agree('contains, numeric', set.containsIpv4(Number(value)), has(block));

      const end = block + random.below(32 - block);
      let all = true;
      for (let i = block; i <= end; i++) if (!has(i)) all = false;
      agree('contains range', set.containsRange({ first: value, last: universe.last(end) }), all);

      let below = block;
      while (below >= 0 && !has(below)) below--;
      agree(
        'nearest at or below',
        set.nearestAtOrBelow(value),
        below === block ? value : below < 0 ? undefined : universe.last(below),
      );
      let above = block;
      while (above < 32 && !has(above)) above++;
      agree(
        'nearest at or above',
        set.nearestAtOrAbove(value),
        above === block ? value : above > 31 ? undefined : universe.first(above),
      );

      const cover = universe.cover(mask);
      agree('cover', set.cover(), cover);
      agree('cover count', set.coverCount, cover.length);
      for (const prefix of cover) agree('contains prefix', set.containsPrefix(prefix), true);
    });
  });

  it('writes the exact cover as text', () => {
    forSeeds(CASES / 10, (random, seed) => {
      const universe = universes[seed % universes.length]!;
      const mask = randomMask(random);
      const text = new TextDecoder().decode(universe.set(mask, random).coverBytes());
      agree(
        'text',
        text,
        universe
          .cover(mask)
          .map((prefix) => `${formatPrefix(prefix)}\n`)
          .join(''),
      );
    });
  });

  it('unites any number of sets', () => {
    forSeeds(CASES / 10, (random, seed) => {
      const universe = universes[seed % universes.length]!;
      const masks = Array.from({ length: random.below(7) }, () => randomMask(random) & randomMask(random));
      const sets = masks.map((mask) => universe.set(mask, random));
      agree(
        'union',
        universe.mask(AddressSet.union(universe.family, sets)),
        masks.reduce((all, mask) => all | mask, 0) >>> 0,
      );
    });
  });
});

describe('the oracle', () => {
  it('tells sets apart', () => {
    const [universe] = IPV4_UNIVERSES;
    expect(universe.mask(AddressSet.fromRanges(4, universe.runs(0b1011)))).toBe(0b1011);
    expect(universe.cover(0b11110110).map(formatPrefix)).toEqual(['0.0.0.1/32', '0.0.0.2/32', '0.0.0.4/30']);
  });
});
