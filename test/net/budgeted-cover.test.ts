import { describe, expect, it } from 'vitest';
import { AddressSet } from '../../src/net/address-set.ts';
import { coverJointly, coverWithin } from '../../src/net/budgeted-cover.ts';
import { coverTree } from '../../src/net/cover-tree.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../src/net/prefix.ts';
import { blocksOf, enumerateCovers, nodesOf, popcount, prefixOf } from './enumerated-covers.ts';
import { agree, CASES, forSeeds, type Random } from './seeded.ts';
import { IPV4_UNIVERSES, IPV6_UNIVERSES, randomMask, type SmallUniverse } from './small-universe.ts';

function set(...prefixes: readonly string[]): AddressSet {
  return AddressSet.fromPrefixes(prefixes[0]?.includes(':') ? 6 : 4, prefixes.map(parsePrefix));
}

const texts = (prefixes: readonly Prefix[]) => prefixes.map(formatPrefix);

/** The cover, which must exist, as text. */
function cover(addresses: AddressSet, options: Parameters<typeof coverWithin>[1]) {
  const result = coverWithin(addresses, options);
  if (!result.feasible) throw new Error(`infeasible: ${result.fewest}`);
  return { prefixes: texts(result.prefixes), extra: texts(result.extra.cover()), changes: result.changes };
}

describe('a budgeted cover', () => {
  it('is better than greedy: the smallest counter-example', () => {
    // Greedy merges .13 and .15 first, since that costs least, and then has to admit four in all.
    const addresses = set(
      '198.51.100.0/30',
      '198.51.100.4/31',
      '198.51.100.8/30',
      '198.51.100.13/32',
      '198.51.100.15/32',
    );
    expect(cover(addresses, { maxPrefixes: 3 })).toEqual({
      prefixes: ['198.51.100.0/30', '198.51.100.4/31', '198.51.100.8/29'],
      extra: ['198.51.100.12/32', '198.51.100.14/32'],
      changes: 0,
    });
  });

  it('is the exact cover where the budget allows', () => {
    const addresses = set('192.0.2.0/24', '198.51.100.0/25');
    for (const maxPrefixes of [2, 3, 1000])
      expect(cover(addresses, { maxPrefixes }).prefixes).toEqual(['192.0.2.0/24', '198.51.100.0/25']);
  });

  it('of an empty set is empty, whatever the budget', () => {
    for (const maxPrefixes of [0, 5])
      expect(cover(AddressSet.empty(4), { maxPrefixes })).toEqual({ prefixes: [], extra: [], changes: 0 });
  });

  it('says how many prefixes it takes at the least where the budget is too small', () => {
    const addresses = set('192.0.2.0/24', '198.51.100.0/25', '203.0.113.0/24');
    expect(coverWithin(addresses, { maxPrefixes: 0 })).toEqual({ feasible: false, fewest: 1 });
    expect(coverWithin(addresses, { maxPrefixes: 2, widest: 8 })).toEqual({ feasible: false, fewest: 3 });
    expect(coverWithin(addresses, { maxPrefixes: 2, forbid: set('200.0.0.0/32', '192.0.0.0/32') })).toEqual({
      feasible: false,
      fewest: 3,
    });
  });

  it('never admits what is forbidden, unless the set itself has it', () => {
    const addresses = set('192.0.2.0/26', '192.0.2.128/25', '198.51.100.0/25', '198.51.100.192/26');
    expect(cover(addresses, { maxPrefixes: 3, forbid: set('192.0.2.100/32', '198.51.100.0/30') })).toEqual({
      prefixes: ['192.0.2.0/26', '192.0.2.128/25', '198.51.100.0/24'],
      extra: ['198.51.100.128/26'],
      changes: 0,
    });
  });

  it('loses no precision where the limits leave several trees', () => {
    const dear = ['2001:db8::/48', '2001:db8:1::/128', '2001:db8:2::/47'];
    const cheap = ['2001:db8:8000::/48', '2001:db8:8001::/127', '2001:db8:8002::/47'];
    expect(cover(set(...dear, ...cheap), { maxPrefixes: 4, widest: 40 }).prefixes).toEqual([
      ...dear,
      '2001:db8:8000::/46',
    ]);
  });

  it('minds one forbidden address at either end', () => {
    const addresses = set('192.0.2.64/26', '192.0.2.128/26');
    for (const edge of ['192.0.2.0/32', '192.0.2.255/32'])
      expect(coverWithin(addresses, { maxPrefixes: 1, forbid: set(edge) })).toEqual({
        feasible: false,
        fewest: 2,
      });
    for (const beyond of ['192.0.1.255/32', '192.0.3.0/32', '192.0.2.100/32'])
      expect(cover(addresses, { maxPrefixes: 1, forbid: set(beyond) }).prefixes).toEqual(['192.0.2.0/24']);
  });

  it('never takes a prefix wider than asked', () => {
    const addresses = set('192.0.2.0/23', '198.51.100.0/25', '198.51.101.0/25');
    expect(cover(addresses, { maxPrefixes: 4, widest: 24 }).prefixes).toEqual([
      '192.0.2.0/24',
      '192.0.3.0/24',
      '198.51.100.0/25',
      '198.51.101.0/25',
    ]);
    expect(coverWithin(addresses, { maxPrefixes: 3, widest: 24 })).toEqual({ feasible: false, fewest: 4 });
    expect(cover(addresses, { maxPrefixes: 2, widest: 23 }).prefixes).toEqual([
      '192.0.2.0/23',
      '198.51.100.0/23',
    ]);
  });

  it('reaches both ends of the space', () => {
    expect(cover(set('0.0.0.0/32', '255.255.255.255/32'), { maxPrefixes: 1 }).prefixes).toEqual([
      '0.0.0.0/0',
    ]);
    expect(
      cover(set('::/128', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'), { maxPrefixes: 1 }).prefixes,
    ).toEqual(['::/0']);
    expect(cover(AddressSet.all(6), { maxPrefixes: 1 }).prefixes).toEqual(['::/0']);
    expect(cover(AddressSet.all(4), { maxPrefixes: 4, widest: 2 }).prefixes).toEqual([
      '0.0.0.0/2',
      '64.0.0.0/2',
      '128.0.0.0/2',
      '192.0.0.0/2',
    ]);
    expect(coverWithin(AddressSet.all(6), { maxPrefixes: 1000, widest: 64 })).toEqual({
      feasible: false,
      fewest: 2 ** 64,
    });
  });

  it('loses no precision in IPv6', () => {
    // Both blocks of three can become one prefix: for 2^80 − 1 addresses, and for one less.
    const dear = ['2001:db8::/48', '2001:db8:1::/128', '2001:db8:2::/47'];
    const cheap = ['2001:db8:8000::/48', '2001:db8:8001::/127', '2001:db8:8002::/47'];
    expect(cover(set(...dear, ...cheap), { maxPrefixes: 4 }).prefixes).toEqual([
      ...dear,
      '2001:db8:8000::/46',
    ]);
    const turned = [
      '2001:db8::/48',
      '2001:db8:1::/127',
      '2001:db8:2::/47',
      '2001:db8:8000::/48',
      '2001:db8:8001::/128',
      '2001:db8:8002::/47',
    ];
    expect(cover(set(...turned), { maxPrefixes: 4 }).prefixes).toEqual(['2001:db8::/46', ...turned.slice(3)]);
  });
});

describe('a cover that changes little', () => {
  const makeLastWeek = () => ({
    lastWeek: set('192.0.2.0/26', '192.0.2.128/26', '198.51.100.0/26', '198.51.100.128/26'),
    previous: ['192.0.2.0/24', '198.51.100.0/26', '198.51.100.128/26'].map(parsePrefix),
  });

  it('stays with last week where that costs nothing', () => {
    const { lastWeek, previous } = makeLastWeek();
    expect(cover(lastWeek, { maxPrefixes: 3, previous, tolerance: 0 })).toEqual({
      prefixes: ['192.0.2.0/24', '198.51.100.0/26', '198.51.100.128/26'],
      extra: ['192.0.2.64/26', '192.0.2.192/26'],
      changes: 0,
    });
    // Without it, the other pair is as good, and nothing speaks for either.
    expect(cover(lastWeek, { maxPrefixes: 3 }).changes).toBe(0);
  });

  it('keeps the shape of last week within the tolerance, and gives it up beyond', () => {
    const { lastWeek, previous } = makeLastWeek();
    const thisWeek = lastWeek.difference(set('192.0.2.128/27'));
    const best = cover(thisWeek, { maxPrefixes: 3, previous, tolerance: 0 });
    expect(best.extra).toEqual(['198.51.100.64/26', '198.51.100.192/26']);
    expect(best.changes).toBe(6);
    expect(cover(thisWeek, { maxPrefixes: 3, previous, tolerance: 0.24 }).changes).toBe(6);
    const kept = cover(thisWeek, { maxPrefixes: 3, previous, tolerance: 0.25 });
    expect(kept.prefixes).toEqual(['192.0.2.0/24', '198.51.100.0/26', '198.51.100.128/26']);
    expect(kept.changes).toBe(0);
  });

  it('drops a prefix that has lost all its addresses', () => {
    const result = cover(set('192.0.2.0/24'), {
      maxPrefixes: 9,
      previous: set('192.0.2.0/24', '203.0.113.0/24').cover(),
      tolerance: 9,
    });
    expect(result).toEqual({ prefixes: ['192.0.2.0/24'], extra: [], changes: 1 });
  });

  it('keeps a prefix in pieces, if the budget has room', () => {
    const pieces = set('192.0.2.0/25').cover();
    expect(cover(set('192.0.2.0/24'), { maxPrefixes: 2, previous: pieces }).prefixes).toEqual([
      '192.0.2.0/25',
      '192.0.2.128/25',
    ]);
    expect(cover(set('192.0.2.0/24'), { maxPrefixes: 1, previous: pieces }).prefixes).toEqual([
      '192.0.2.0/24',
    ]);
  });

  it('keeps a wider prefix than this week needs, for a price', () => {
    const options = { maxPrefixes: 1, previous: [parsePrefix('192.0.2.0/24')] };
    expect(cover(set('192.0.2.0/26', '192.0.2.96/27'), { ...options, tolerance: 3.9 })).toMatchObject({
      prefixes: ['192.0.2.0/25'],
      changes: 2,
    });
    expect(cover(set('192.0.2.0/26', '192.0.2.96/27'), { ...options, tolerance: 4 })).toMatchObject({
      prefixes: ['192.0.2.0/24'],
      changes: 0,
    });
    expect(
      cover(set('192.0.2.0/26', '192.0.2.96/27'), { ...options, tolerance: 4, widest: 25 }),
    ).toMatchObject({ prefixes: ['192.0.2.0/25'] });
  });

  it('ends with the fewest changes that the tolerance pays for', () => {
    // Three joins that last week's cover spared: the more of them are undone, the fewer the changes.
    const addresses = set(
      ...[
        '192.0.2.0/32',
        '192.0.2.2/32',
        '198.51.100.0/30',
        '198.51.100.12/30',
        '203.0.113.0/28',
        '203.0.113.48/28',
      ],
    );
    const previous = ['192.0.2.0/32', '192.0.2.2/32', '198.51.100.0/28', '203.0.113.0/26'].map(parsePrefix);
    const at = (tolerance: number) => {
      const { extra, changes } = cover(addresses, { maxPrefixes: 5, previous, tolerance });
      return [set('0.0.0.0/0').intersection(set(...extra)).size, changes];
    };
    expect(at(0)).toEqual([2n, 9]);
    expect(at(2.99)).toEqual([2n, 9]);
    expect(at(3)).toEqual([8n, 3]);
    expect(at(18.99)).toEqual([8n, 3]);
    expect(at(19)).toEqual([40n, 0]);
  });

  it('takes no previous prefix wider than asked, or around what is too wide', () => {
    const previous = ['192.0.0.0/22', '192.0.2.0/26'].map(parsePrefix);
    expect(cover(set('192.0.2.0/23'), { maxPrefixes: 9, previous, widest: 24, tolerance: 9 })).toEqual({
      prefixes: ['192.0.2.0/24', '192.0.3.0/24'],
      extra: [],
      changes: 4,
    });
    expect(
      cover(set('192.0.2.0/24'), {
        maxPrefixes: 9,
        previous: [parsePrefix('192.0.2.0/23')],
        widest: 23,
        tolerance: 9,
      }).prefixes,
    ).toEqual(['192.0.2.0/24']);
  });

  it('keeps a previous prefix of which one address is left, at either end', () => {
    const previous = [parsePrefix('192.0.2.0/30')];
    for (const host of ['192.0.2.0/32', '192.0.2.3/32'])
      expect(coverTree(set(host), { previous }).root?.prefix).toEqual(previous[0]);
    for (const host of ['192.0.1.255/32', '192.0.2.4/32'])
      expect(coverTree(set(host), { previous }).root?.prefix).toEqual(parsePrefix(host));
  });

  it('keeps a previous prefix as wide as may be', () => {
    const previous = [parsePrefix('192.0.2.0/24')];
    expect(cover(set('192.0.2.0/25'), { maxPrefixes: 9, previous, widest: 24, tolerance: 0 }).changes).toBe(
      2,
    );
    expect(coverTree(set('192.0.2.0/25'), { previous, widest: 24 }).root?.prefix).toEqual(previous[0]);
    expect(coverTree(set('192.0.2.0/25'), { previous, widest: 25 }).root?.prefix).toEqual(
      parsePrefix('192.0.2.0/25'),
    );
  });

  it('leaves alone what it kept inside a prefix that is now too wide', () => {
    const result = cover(set('192.0.0.0/25', '192.0.2.0/23'), {
      maxPrefixes: 9,
      previous: [parsePrefix('192.0.2.0/26')],
      widest: 24,
    });
    expect(result.prefixes).toEqual(['192.0.0.0/25', '192.0.2.0/24', '192.0.3.0/24']);
  });

  it('keeps a wider prefix in IPv6 as well, where the prices are large', () => {
    const addresses = set('2001:db8::/48', '2001:db8:1::1/128', '2001:dba::/48');
    const previous = ['2001:db8::/46', '2001:dba::/48'].map(parsePrefix);
    const options = { maxPrefixes: 2, previous };
    expect(cover(addresses, { ...options, tolerance: 2.9 }).prefixes).toEqual([
      '2001:db8::/46',
      '2001:dba::/48',
    ]);
    expect(cover(addresses, { ...options, tolerance: 1.9 }).prefixes).toEqual([
      '2001:db8::/47',
      '2001:dba::/48',
    ]);
  });

  it('prefers two prefixes that stay to the one around them', () => {
    const leaves = ['192.0.2.0/27', '192.0.2.64/27'];
    const addresses = set(...leaves, '198.51.100.0/26', '198.51.100.128/26');
    const previous = ['192.0.2.0/24', ...leaves, '198.51.100.0/24'].map(parsePrefix);
    expect(cover(addresses, { maxPrefixes: 3, previous, tolerance: 9 })).toMatchObject({
      prefixes: [...leaves, '198.51.100.0/24'],
      changes: 1,
    });
  });

  it('takes no previous prefix of the other family', () => {
    const { lastWeek } = makeLastWeek();
    expect(() => coverWithin(lastWeek, { maxPrefixes: 9, previous: [parsePrefix('::/0')] })).toThrow(
      'a previous prefix of the other family',
    );
  });
});

describe('a joint budget', () => {
  it('gives each set as many prefixes as serve the whole best', () => {
    const cheap = set('192.0.2.0/26', '192.0.2.128/26');
    const dear = set('198.51.100.0/26', '203.0.113.0/26');
    const result = coverJointly([{ set: cheap }, { set: dear }, { set: AddressSet.empty(4) }], 3);
    if (!result.feasible) throw new Error('infeasible');
    expect(result.covers.map(({ prefixes }) => texts(prefixes))).toEqual([
      ['192.0.2.0/24'],
      ['198.51.100.0/26', '203.0.113.0/26'],
      [],
    ]);
    expect(result.covers.map(({ extra }) => extra.size)).toEqual([128n, 0n, 0n]);
  });

  it('weighs the families by shares', () => {
    // Half as much again of IPv4, against a third as much of IPv6.
    const ipv4 = set('192.0.2.0/25', '192.0.2.128/27', '192.0.2.192/27');
    const ipv6 = set('2001:db8::/34', '2001:db8:8000::/33');
    const result = coverJointly([{ set: ipv4 }, { set: ipv6 }], 4);
    if (!result.feasible) throw new Error('infeasible');
    expect(result.covers.map(({ prefixes }) => texts(prefixes))).toEqual([
      ['192.0.2.0/25', '192.0.2.128/25'],
      ['2001:db8::/34', '2001:db8:8000::/33'],
    ]);
  });

  it('counts sets of coarse and of fine prefixes in one unit', () => {
    const coarse = ['192.0.0.0/18', '192.0.128.0/18'];
    const fine = ['198.51.100.0/32', '198.51.100.2/32'];
    for (const [a, b] of [
      [coarse, fine],
      [fine, coarse],
    ] as const) {
      const result = coverJointly([{ set: set(...a) }, { set: AddressSet.empty(6) }, { set: set(...b) }], 3);
      if (!result.feasible) throw new Error('infeasible');
      expect(result.covers.flatMap(({ prefixes }) => texts(prefixes)).sort()).toEqual([
        ...coarse,
        '198.51.100.0/30',
      ]);
    }
  });

  it('leaves to each set its own limits', () => {
    const pair = ['192.0.2.0/26', '192.0.2.128/26'];
    const other = ['198.51.100.0/27', '198.51.100.128/27'];
    const result = coverJointly([{ set: set(...pair), widest: 25 }, { set: set(...other) }], 3);
    if (!result.feasible) throw new Error('infeasible');
    expect(result.covers.map(({ prefixes }) => texts(prefixes))).toEqual([pair, ['198.51.100.0/24']]);
  });

  it('keeps last week where only one of the sets has one', () => {
    const before = set('198.51.100.0/26', '198.51.100.128/26').cover();
    const result = coverJointly(
      [
        { set: set('192.0.2.0/26', '192.0.2.128/26') },
        { set: set('198.51.100.0/26', '198.51.100.128/26'), previous: before },
      ],
      3,
    );
    if (!result.feasible) throw new Error('infeasible');
    expect(result.covers.map(({ prefixes }) => texts(prefixes))).toEqual([['192.0.2.0/24'], texts(before)]);
    expect(result.covers.map(({ changes }) => changes)).toEqual([0, 0]);
  });

  it('writes what is too wide in pieces out of the same budget', () => {
    const demands = [
      { set: set('192.0.2.0/23'), widest: 24 },
      { set: set('198.51.100.0/26', '198.51.100.128/26') },
    ];
    const pieces = coverJointly(demands, 3);
    if (!pieces.feasible) throw new Error('infeasible');
    expect(pieces.covers.map(({ prefixes }) => texts(prefixes))).toEqual([
      ['192.0.2.0/24', '192.0.3.0/24'],
      ['198.51.100.0/24'],
    ]);
    expect(coverJointly(demands, 2)).toEqual({ feasible: false, fewest: 3 });
  });

  it('says the least budget for all of them', () => {
    expect(coverJointly([{ set: set('192.0.2.0/24') }, { set: set('2001:db8::/32') }], 1)).toEqual({
      feasible: false,
      fewest: 2,
    });
    expect(coverJointly([], 0)).toEqual({ feasible: true, covers: [] });
  });
});

describe.each([
  ['IPv4', IPV4_UNIVERSES.slice(0, -1)],
  ['IPv6', IPV6_UNIVERSES.slice(0, -1)],
])('%s covers against all covers there are', (_, universes) => {
  const lower = (random: Random) => randomMask(random) & 0xffff;
  const blocks = (universe: SmallUniverse, mask: number) =>
    AddressSet.fromRanges(universe.family, universe.runs(mask));
  const count = (universe: SmallUniverse, extra: AddressSet) => Number(extra.size >> BigInt(universe.scale));

  it('are optimal', () => {
    let infeasible = 0;
    forSeeds(CASES, (random, seed) => {
      const universe = universes[seed % universes.length]!;
      const mask = lower(random);
      const forbidden = random.chance(3) ? lower(random) & random.word() : 0;
      const depth = random.chance(3) ? random.below(5) : 0;
      const maxPrefixes = random.below(9);
      const options = {
        maxPrefixes,
        ...(depth > 0 && { widest: prefixOf(universe, 1).length + depth }),
        ...(forbidden > 0 && { forbid: blocks(universe, forbidden) }),
      };
      const all = enumerateCovers(
        mask,
        (node) => node >= 1 << depth && (blocksOf(node) & ~mask & forbidden) === 0,
      );
      const result = coverWithin(blocks(universe, mask), options);
      const within = all.filter((each) => each.count <= maxPrefixes);
      agree('feasible', result.feasible, within.length > 0);
      if (result.feasible) {
        const nodes = nodesOf(universe, result.prefixes);
        agree(
          'a cover',
          all.some((each) => each.nodes === nodes),
          true,
        );
        agree('within the budget', result.prefixes.length <= maxPrefixes, true);
        agree('extra', count(universe, result.extra), Math.min(...within.map(({ extra }) => extra)));
        agree(
          'extra set',
          universe.mask(result.extra),
          result.prefixes.reduce(
            (union, prefix) => union | blocksOf(31 - Math.clz32(nodesOf(universe, [prefix]))),
            0,
          ) & ~mask,
        );
      } else {
        infeasible++;
        agree('fewest', result.fewest, Math.min(...all.map((each) => each.count)));
      }
    });
    expect(infeasible).toBeGreaterThan(CASES / 100);
  });

  it('share a budget optimally', () => {
    forSeeds(CASES / 2, (random, seed) => {
      const first = universes[seed % universes.length]!;
      // One time in three the second set is of the other family, and the families count by shares.
      const second = random.chance(3)
        ? random.pick(first.family === 4 ? IPV6_UNIVERSES : IPV4_UNIVERSES.slice(0, -1))
        : random.pick(universes);
      if (second.wholeSpace) return;
      const [a, b] = [lower(random), lower(random)];
      const budget = random.below(12);
      const result = coverJointly([{ set: blocks(first, a) }, { set: blocks(second, b) }], budget);
      const mixed = first.family !== second.family && a !== 0 && b !== 0;
      const price = (x: bigint, y: bigint) =>
        mixed ? x * blocks(second, b).size + y * blocks(first, a).size : x + y;
      const best = (mask: number) => {
        const extras: (number | undefined)[] = [];
        for (const each of enumerateCovers(mask, () => true))
          extras[each.count] = Math.min(extras[each.count] ?? 99, each.extra);
        return extras;
      };
      const right = [...best(b).entries()];
      let least: bigint | undefined;
      for (const [i, x] of best(a).entries())
        for (const [j, y] of right)
          if (x !== undefined && y !== undefined && i + j <= budget) {
            const cost = price(BigInt(x) << BigInt(first.scale), BigInt(y) << BigInt(second.scale));
            if (least === undefined || cost < least) least = cost;
          }
      agree('feasible', result.feasible, least !== undefined);
      if (!result.feasible) return agree('fewest', result.fewest, Number(a !== 0) + Number(b !== 0));
      const [left, other] = result.covers;
      agree('price', price(left!.extra.size, other!.extra.size), least);
      agree('within the budget', left!.prefixes.length + other!.prefixes.length <= budget, true);
    });
  });

  it('change little, and keep within the tolerance', () => {
    let optimal = 0;
    let cases = 0;
    forSeeds(CASES, (random, seed) => {
      const universe = universes[seed % universes.length]!;
      const before = lower(random);
      const mask = random.chance(4) ? lower(random) : before ^ (1 << random.below(16));
      const budget = 1 + random.below(8);
      const tolerance = random.pick([0, 0.1, 0.5, 1]);
      const old = enumerateCovers(before, () => true).filter((each) => each.count <= budget);
      const previous = old.length === 0 ? 0 : random.pick(old).nodes;
      const previousPrefixes = [];
      for (let node = 1; node < 32; node++)
        if ((previous >>> node) & 1) previousPrefixes.push(prefixOf(universe, node));

      const result = coverWithin(blocks(universe, mask), {
        maxPrefixes: budget,
        previous: previousPrefixes,
        tolerance,
      });
      const points = enumerateCovers(mask, () => true)
        .filter((each) => each.count <= budget)
        .map(({ nodes, extra }) => ({ extra, changes: popcount(nodes ^ previous) }));
      if (!result.feasible) return agree('feasible', points.length, 0);
      const best = Math.min(...points.map(({ extra }) => extra));
      const extra = count(universe, result.extra);
      const within = points.filter((point) => point.extra <= best * (1 + tolerance));
      const nodes = nodesOf(universe, result.prefixes);
      agree('within the tolerance', extra <= best * (1 + tolerance), true);
      agree('within the budget', result.prefixes.length <= budget, true);
      agree('changes', result.changes, popcount(nodes ^ previous));
      // On the lower hull: for some price no choice is cheaper, and no vertex within the limit is beyond it.
      agree(
        'hull',
        hullVertices(points).some(
          (vertex) => vertex.extra <= best * (1 + tolerance) && vertex.changes < result.changes,
        ),
        false,
      );
      cases++;
      if (result.changes === Math.min(...within.map(({ changes }) => changes))) optimal++;
    });
    expect(optimal / cases).toBeGreaterThan(0.95);
  });
});

/** The vertices of the lower left hull, from the fewest extra addresses to the fewest changes. */
function hullVertices(points: readonly { extra: number; changes: number }[]) {
  const sorted = [...points].sort((a, b) => a.extra - b.extra || a.changes - b.changes);
  const hull: { extra: number; changes: number }[] = [];
  for (const point of sorted) {
    if (hull.length > 0 && point.changes >= hull.at(-1)!.changes) continue;
    while (hull.length > 1) {
      const [a, b] = [hull.at(-2)!, hull.at(-1)!];
      if (
        (b.extra - a.extra) * (point.changes - a.changes) -
          (b.changes - a.changes) * (point.extra - a.extra) >
        0
      )
        break;
      hull.pop();
    }
    hull.push(point);
  }
  return hull;
}
