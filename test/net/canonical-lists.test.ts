import { describe, expect, it } from 'vitest';
import { readCanonicalLists } from '../../src/net/canonical-lists.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { comparePrefixes, parsePrefix } from '../../src/net/prefix.ts';

const LISTS = [
  ['192.0.2.0/24', '198.51.100.0/25', '2001:db8::/32', '2001:db8:1::/48'],
  [],
  ['2001:db8::/32'],
  ['203.0.113.0/24', '2001:db8::/64', '198.51.100.0/24', '2001:db8::/32'],
  ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '255.255.255.255/32', '::/0', '::/128', 'ffff::/16'],
];

describe('lists of canonical prefixes that are read in one pass', () => {
  it('are what the parser of single prefixes makes of them', () => {
    const lists = readCanonicalLists(LISTS)!;
    expect(lists).toHaveLength(LISTS.length);
    for (const [index, texts] of LISTS.entries()) {
      const prefixes = texts.map(parsePrefix);
      expect(lists[index]!.prefixes()).toEqual(prefixes);
      expect(lists[index]!.addresses().equals(DualStackSet.fromPrefixes(prefixes))).toBe(true);
      const isAscending = prefixes.every(
        (one, at) => at === 0 || comparePrefixes(prefixes[at - 1]!, one) < 0,
      );
      expect(lists[index]!.isAscending, texts.join(' ')).toBe(isAscending);
    }
  });

  it('agree with it on thousands of prefixes that are drawn by lot', () => {
    let state = 7;
    const next = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % below;
    };
    const lists = Array.from({ length: 40 }, () =>
      Array.from({ length: next(300) }, () => {
        const length = next(33);
        const first = length === 0 ? 0 : (next(2 ** 31) * 2) & (-1 << (32 - length));
        return `${[24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join('.')}/${length}`;
      }),
    );
    for (const [index, list] of readCanonicalLists(lists)!.entries()) {
      const prefixes = lists[index]!.map(parsePrefix);
      expect(list.addresses().equals(DualStackSet.fromPrefixes(prefixes))).toBe(true);
      expect(list.hasDuplicates).toBe(new Set(lists[index]).size < prefixes.length);
    }
  });

  it('know a prefix that is listed twice, in order or not', () => {
    const [next, apart, none] = readCanonicalLists([
      ['192.0.2.0/24', '192.0.2.0/24'],
      ['192.0.2.0/24', '2001:db8::/32', '192.0.2.0/24'],
      ['192.0.2.0/24', '192.0.2.0/25'],
    ])!;
    expect([next!.hasDuplicates, apart!.hasDuplicates, none!.hasDuplicates]).toEqual([true, true, false]);
    expect([next!.isAscending, apart!.isAscending, none!.isAscending]).toEqual([false, false, true]);
  });

  it.each([
    ['host bits', '192.0.2.1/24'],
    ['another spelling', '2001:DB8::/32'],
    ['a group with a leading zero', '2001:0db8::/32'],
    ['a long form', '2001:db8:0:0:0:0:0:0/32'],
    ['no length', '192.0.2.0'],
    ['nothing', ''],
    ['a line break at the end', '192.0.2.0/24\n'],
    ['a carriage return at the end', '192.0.2.0/24\r'],
    ['two prefixes', '192.0.2.0/24\n198.51.100.0/24'],
    ['two prefixes of a family each', '192.0.2.0/24\n2001:db8::/32'],
    ['a space', ' 192.0.2.0/24'],
    ['another digit', '１92.0.2.0/24'],
    ['a NUL byte', '192.0.2.0/24\0'],
    ['half a surrogate pair', '192.0.2.0/24\ud800'],
  ])('are none where one text has %s', (_, text) => {
    expect(readCanonicalLists([['198.51.100.0/24'], [text, '2001:db8::/32']])).toBeUndefined();
    expect(readCanonicalLists([[text]])).toBeUndefined();
    expect(readCanonicalLists([['198.51.100.0/24', text], []])).toBeUndefined();
  });
});
