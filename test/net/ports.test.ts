import { describe, expect, it } from 'vitest';
import { PortSet } from '../../src/net/ports.ts';
import { agree, CASES, forSeeds } from './seeded.ts';

describe('port sets', () => {
  it.each([
    [() => PortSet.of(443), '443'],
    [() => PortSet.of(443, 80, 443, 444), '80,443-444'],
    [() => PortSet.parse('8080-8090').union(PortSet.of(8091)), '8080-8091'],
    [() => PortSet.parse('1-65535'), '1-65535'],
    [() => PortSet.parse('1-65535').complement(), ''],
    [() => PortSet.empty.complement(), '1-65535'],
    [() => PortSet.of(1, 65535).complement(), '2-65534'],
    [() => PortSet.parse('10-20').difference(PortSet.parse('12-13')), '10-11,14-20'],
    [() => PortSet.parse('10-20').intersection(PortSet.parse('15-30')), '15-20'],
    [
      () =>
        PortSet.fromRanges([
          { first: 5, last: 9 },
          { first: 1, last: 20 },
        ]),
      '1-20',
    ],
  ])('%#: %s', (make, text) => {
    const set = make();
    expect(set.toString()).toBe(text);
    expect(set.toStrings().join(',')).toBe(text);
    expect(set.isEmpty).toBe(text === '');
  });

  it.each([
    '',
    '0',
    '65536',
    '99999',
    '443-',
    '-443',
    '443-442',
    '0443',
    ' 443',
    '80,443',
    '4e2',
    '1-65536',
    '443x',
    'x443',
    '123456',
  ])('does not take %j', (text) => {
    expect(() => PortSet.parse(text)).toThrow(RangeError);
  });

  it('reads back its own spelling', () => {
    for (const text of ['', '443', '80,443-444,8080-8090'])
      expect(PortSet.parseList(text).toString()).toBe(text);
    expect(() => PortSet.parseList('80,')).toThrow(RangeError);
    expect(PortSet.parse('1-65535').isSupersetOf(PortSet.of(80))).toBe(true);
    expect(PortSet.of(80).isSupersetOf(PortSet.of(80, 443))).toBe(false);
  });

  it('says what it does not take', () => {
    expect(() => PortSet.of(0)).toThrow(RangeError);
    expect(() => PortSet.of(-5)).toThrow(RangeError);
    expect(() => PortSet.parse('http')).toThrow('"http" is not a port (443) or a range (8080-8090)');
    expect(() => PortSet.of(1.5)).toThrow('not a range of ports: 1.5-1.5');
    expect(() => PortSet.fromRanges([{ first: 1, last: 1.5 }])).toThrow(RangeError);
    expect(() => PortSet.fromRanges([{ first: 2, last: 1 }])).toThrow('not a range of ports: 2-1');
  });

  it('agree with bit masks', () => {
    // Masks of sixteen ports at either end of the range of ports.
    forSeeds(CASES, (random, seed) => {
      const base = seed % 2 === 0 ? 1 : 65520;
      const [a, b] = [random.word() & 0xffff, random.word() & random.word() & 0xffff];
      const ports = (mask: number) =>
        Array.from({ length: 16 }, (_, i) => i)
          .filter((i) => (mask >> i) & 1)
          .map((i) => base + i);
      const [left, right] = [PortSet.of(...ports(a)), PortSet.of(...random.shuffle(ports(b)))];
      agree('union', left.union(right).toString(), PortSet.of(...ports(a | b)).toString());
      agree('intersection', left.intersection(right).toString(), PortSet.of(...ports(a & b)).toString());
      agree('difference', left.difference(right).toString(), PortSet.of(...ports(a & ~b)).toString());
      agree('equals', left.equals(right), a === b);
      agree('equals itself', left.equals(PortSet.of(...random.shuffle(ports(a)))), true);
      const port = base + random.below(16);
      agree('has', left.has(port), ports(a).includes(port));
      agree('complement', left.complement().has(port), !ports(a).includes(port));
    });
  });
});
