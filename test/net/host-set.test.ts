import { describe, expect, it } from 'vitest';
import {
  compareHostPatterns,
  formatHostPattern,
  type HostPattern,
  parseHostPattern,
} from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { agree, CASES, forSeeds, type Random } from './seeded.ts';

const set = (...patterns: readonly string[]) => HostSet.fromPatterns(patterns.map(parseHostPattern));

describe('a host set', () => {
  it.each([
    [[], []],
    [
      ['x.a.com', '*.a.com', 'a.com', 'b.org'],
      ['.a.com', 'b.org'],
    ],
    [['a.com', '*.a.com'], ['.a.com']],
    [['.a.com', '*.b.a.com', 'c.a.com'], ['.a.com']],
    [['*.a.com', 'a.com', 'x.y.z.a.com'], ['.a.com']],
    [['*.a.com', '.x.a.com'], ['*.a.com']],
    [
      ['b.a.com', 'a.com'],
      ['a.com', 'b.a.com'],
    ],
    [
      ['aa.com', '*.a.com'],
      ['*.a.com', 'aa.com'],
    ],
  ])('%j is minimised to %j', (patterns, minimal) => {
    expect(set(...patterns).toStrings()).toEqual(minimal);
    expect(HostSet.fromPatterns(set(...patterns).patterns().include).equals(set(...patterns))).toBe(true);
  });

  it('tells apex and subdomains apart', () => {
    expect(set('*.a.com').has('a.com')).toBe(false);
    expect(set('*.a.com').has('x.a.com')).toBe(true);
    expect(set('*.a.com').has('y.x.a.com')).toBe(true);
    expect(set('*.a.com').has('xa.com')).toBe(false);
    expect(set('.a.com').has('a.com')).toBe(true);
    expect(set('a.com').has('x.a.com')).toBe(false);
    expect(set('a.com').has('com')).toBe(false);
    expect(set('*.a.com').containsPattern(parseHostPattern('*.x.a.com'))).toBe(true);
    expect(set('*.a.com').containsPattern(parseHostPattern('.a.com'))).toBe(false);
    expect(set('*.a.com').intersects(set('x.a.com', 'b.org'))).toBe(true);
    expect(set('*.a.com').intersects(set('a.com', 'b.org'))).toBe(false);
  });

  it('may hold exceptions after a difference', () => {
    expect(set('*.a.com').difference(set('x.a.com')).toStrings()).toEqual(['*.a.com', '!x.a.com']);
    expect(set('.a.com').difference(set('.x.a.com')).toStrings()).toEqual(['.a.com', '!.x.a.com']);
    expect(
      set('*.a.com')
        .difference(set('y.a.com', 'x.a.com', 'z.a.com'))
        .toStrings(),
    ).toEqual(['*.a.com', '!x.a.com', '!y.a.com', '!z.a.com']);
    expect(set('.a.com').difference(set('*.a.com')).toStrings()).toEqual(['a.com']);
    expect(set('.a.com').difference(set('a.com')).toStrings()).toEqual(['*.a.com']);
    expect(set('.a.com').difference(set('.a.com')).isEmpty).toBe(true);
    expect(set('.a.com').difference(set('*.x.a.com')).union(set('z.x.a.com')).toStrings()).toEqual([
      '.a.com',
      'z.x.a.com',
      '!*.x.a.com',
    ]);
  });

  it('takes thousands of patterns', () => {
    const many = Array.from({ length: 5000 }, (_, i) => `h${i}.example.com`);
    const all = set(...many);
    expect(all.toStrings()).toHaveLength(5000);
    expect(all.has('h4999.example.com')).toBe(true);
    expect(all.has('h5000.example.com')).toBe(false);
  });
});

/** All names of up to three labels; "z" stands for the labels that occur in no pattern. */
const NAMES: readonly string[] = (() => {
  const labels = ['a', 'b', 'z'];
  const two = labels.flatMap((x) => labels.map((y) => `${y}.${x}`));
  return [...labels, ...two, ...two.flatMap((x) => labels.map((y) => `${y}.${x}`))];
})();
const PATTERN_NAMES = NAMES.filter((name) => !name.includes('z') && name.split('.').length < 3);

const means = ({ name, apex, subdomains }: HostPattern, host: string) =>
  (apex && host === name) || (subdomains && host.endsWith(`.${name}`));

function randomPatterns(random: Random): HostPattern[] {
  return Array.from({ length: random.below(6) }, () => {
    const apex = random.chance(2);
    return { name: random.pick(PATTERN_NAMES), apex, subdomains: !apex || random.chance(2) };
  });
}

/** Drops what another pattern means as well, and writes a host and its subdomains as one. */
function minimise(patterns: readonly HostPattern[]): string[] {
  return PATTERN_NAMES.filter((name) => !patterns.some((p) => p.subdomains && name.endsWith(`.${p.name}`)))
    .map((name) => {
      const own = patterns.filter((p) => p.name === name);
      return { name, apex: own.some((p) => p.apex), subdomains: own.some((p) => p.subdomains) };
    })
    .filter(({ apex, subdomains }) => apex || subdomains)
    .sort(compareHostPatterns)
    .map(formatHostPattern);
}

describe('host sets against all names there are', () => {
  it('agree in every operation', () => {
    forSeeds(CASES, (random) => {
      const [a, b, c] = [randomPatterns(random), randomPatterns(random), randomPatterns(random)];
      const [left, right, third] = [a, b, c].map((patterns) => HostSet.fromPatterns(patterns)) as [
        HostSet,
        HostSet,
        HostSet,
      ];
      const inA = NAMES.map((name) => a.some((p) => means(p, name)));
      const inB = NAMES.map((name) => b.some((p) => means(p, name)));
      const inC = NAMES.map((name) => c.some((p) => means(p, name)));
      const check = (what: string, result: HostSet, expected: (i: number) => boolean) => {
        for (const [i, name] of NAMES.entries()) agree(`${what} of ${name}`, result.has(name), expected(i));
        agree(
          `${what}, empty`,
          result.isEmpty,
          NAMES.every((_, i) => !expected(i)),
        );
      };
      check('the set', left, (i) => inA[i]!);
      check('union', left.union(right), (i) => inA[i]! || inB[i]!);
      check('intersection', left.intersection(right), (i) => inA[i]! && inB[i]!);
      const difference = left.difference(right);
      check('difference', difference, (i) => inA[i]! && !inB[i]!);
      check('union after difference', difference.union(third), (i) => (inA[i]! && !inB[i]!) || inC[i]!);
      agree(
        'equals',
        left.equals(right),
        inA.every((is, i) => is === inB[i]),
      );
      agree(
        'superset',
        left.isSupersetOf(right),
        inB.every((is, i) => !is || inA[i]!),
      );
      agree(
        'intersects',
        left.intersects(right),
        inB.some((is, i) => is && inA[i]!),
      );
      agree('minimal', left.toStrings(), minimise(a));
      // Includes less exceptions is the set, by the rule that the longest name decides.
      const { include, except } = difference.patterns();
      const rules = [...include.map((p) => ({ p, yes: true })), ...except.map((p) => ({ p, yes: false }))];
      for (const [i, name] of NAMES.entries()) {
        const deciding = rules
          .filter(({ p }) => means(p, name))
          .sort((x, y) => y.p.name.length - x.p.name.length)[0];
        agree(`patterns for ${name}`, deciding?.yes ?? false, inA[i]! && !inB[i]!);
      }
    });
  });
});
