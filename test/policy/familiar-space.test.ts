import { describe, expect, test } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { asksForLook, familiarSpace, newBlocks } from '../../src/policy/diff/new-space.ts';

const set = (...prefixes: string[]) => DualStackSet.fromPrefixes(prefixes.map(parsePrefix));
const AZURE = ['20.0.0.0/11', '52.112.0.0/14', '2603:1000::/24'];

describe('the space that the next week is compared with', () => {
  test.each<[string, string, boolean]>([
    ['a /24 in a /16 of nobody', '52.127.0.0/24', false],
    ['a /22 in a /16 of nobody', '52.127.0.0/22', true],
    ['a /16 in a /12 of nobody', '52.96.0.0/16', false],
    ['a /15', '52.118.0.0/15', false],
    ['a /24 in the /12 after all of Azure', '20.32.0.0/24', false],
    ['a /24 in a /16 that Azure is in', '52.116.0.0/24', false],
    ['an IPv6 /32 of nobody', '2a01:4f8:1::/48', false],
    ['IPv6 in a /32 that Azure is in', '2603:1000:ffff::/48', true],
  ])('%s in a tag of no rule', (_, block, isFamiliar) => {
    const known = set(...AZURE, ...(block === '52.116.0.0/24' ? ['52.116.128.0/24'] : []));
    const familiar = familiarSpace(DualStackSet.union([known, set(block)]), known, set('20.0.0.0/16'));
    const expected = isFamiliar || block === '52.116.0.0/24' ? set(block) : DualStackSet.empty;
    expect(familiar.intersection(set(block)).equals(expected)).toBe(true);
    expect(familiar.isSupersetOf(known)).toBe(true);
  });

  test('has what a tag in use gained, which the review showed', () => {
    const all = set(...AZURE, '1.0.0.0/16');
    expect(familiarSpace(all, set(...AZURE), set('1.0.0.0/16')).equals(all)).toBe(true);
    expect(familiarSpace(all, undefined, DualStackSet.empty).equals(all)).toBe(true);
  });
});

describe('new space asks for a look', () => {
  const known = set(...AZURE);
  test.each<[string, boolean]>([
    ['52.116.0.0/16', false],
    ['52.116.0.0/24', true],
    ['52.116.0.0/23', false],
    ['52.96.0.0/16', true],
    ['52.118.0.0/15', true],
    ['2603:1000:ffff::/48', false],
    ['2603:1200::/48', true],
  ])('%s: %s', (block, look) => {
    expect(asksForLook(newBlocks(set(block), known))).toBe(look);
  });
});
