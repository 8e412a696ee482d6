import { describe, expect, it } from 'vitest';
import { PortSet } from '../../src/net/ports.ts';
import { agree, CASES, forSeeds } from './seeded.ts';

describe('port sets', () => {
  it.each([
    [() => PortSet.of(443), '443'],
    [() => PortSet.of(443, 80, 443, 444), '80,443-444'],
    [() => PortSet.parse('8080-8090').union(PortSet.of(8091)), '8080-8091'],
    [() => PortSet.parse('1-65535'), '1-65535'],
    [() => PortSet.parse('1-65535').complement(), '1-65535/udp'],
    [() => PortSet.empty.complement(), '1-65535,1-65535/udp'],
    [() => PortSet.of(1, 65535).complement(), '2-65534,1-65535/udp'],
    [() => PortSet.parse('10-20').difference(PortSet.parse('12-13')), '10-11,14-20'],
    [() => PortSet.parse('10-20').intersection(PortSet.parse('15-30')), '15-20'],
    [
      () =>
        PortSet.fromRanges([
          { protocol: 'tcp', first: 5, last: 9 },
          { protocol: 'udp', first: 9, last: 12 },
          { protocol: 'tcp', first: 1, last: 20 },
        ]),
      '1-20,9-12/udp',
    ],
    [() => PortSet.parse('3478-3481/udp'), '3478-3481/udp'],
    [() => PortSet.parse('443/tcp').union(PortSet.parse('443/udp')), '443,443/udp'],
    [() => PortSet.parse('65535').union(PortSet.parse('1/udp')), '65535,1/udp'],
    [() => PortSet.parse('80-90/udp').intersection(PortSet.parse('85-95')), ''],
    [
      () => PortSet.parseList('80-90,80-90/udp').difference(PortSet.parse('85/udp')),
      '80-90,80-84/udp,86-90/udp',
    ],
    [() => PortSet.parseList('80,443,123/udp').only('udp'), '123/udp'],
    [() => PortSet.parseList('80,443,123/udp').as('udp'), '80/udp,123/udp,443/udp'],
    [() => PortSet.all.difference(PortSet.allOf(['tcp'])), '1-65535/udp'],
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
    '443/sctp',
    '443/',
    '/udp',
    '443/UDP',
  ])('does not take %j', (text) => {
    expect(() => PortSet.parse(text)).toThrow(RangeError);
  });

  it('reads back its own spelling', () => {
    for (const text of ['', '443', '80,443-444,8080-8090', '123/udp', '443,443-444/udp'])
      expect(PortSet.parseList(text).toString()).toBe(text);
    expect(() => PortSet.parseList('80,')).toThrow(RangeError);
    expect(PortSet.parse('1-65535').isSupersetOf(PortSet.of(80))).toBe(true);
    expect(PortSet.of(80).isSupersetOf(PortSet.of(80, 443))).toBe(false);
  });

  it('says what it does not take', () => {
    expect(() => PortSet.of(0)).toThrow(RangeError);
    expect(() => PortSet.of(-5)).toThrow(RangeError);
    expect(() => PortSet.parse('http')).toThrow(
      '"http" is not a port (443), a range (8080-8090), or one of UDP (3478-3481/udp)',
    );
    expect(() => PortSet.of(1.5)).toThrow('not a range of ports: 1.5-1.5');
    expect(() => PortSet.fromRanges([{ protocol: 'tcp', first: 1, last: 1.5 }])).toThrow(RangeError);
    expect(() => PortSet.fromRanges([{ protocol: 'udp', first: 2, last: 1 }])).toThrow(
      'not a range of ports: 2-1',
    );
  });

  it('agree with bit masks', () => {
    // Masks of sixteen ports at either end of the range of ports.
    forSeeds(CASES, (random, seed) => {
      const base = seed % 2 === 0 ? 1 : 65520;
      const [a, b] = [random.word() & 0xffff, random.word() & random.word() & 0xffff];
      // The lower eight ports are asked for on TCP, the upper eight on UDP.
      const protocolOf = (i: number) => (i < 8 ? 'tcp' : 'udp');
      const setOf = (mask: number) =>
        PortSet.fromRanges(
          random.shuffle(
            Array.from({ length: 16 }, (_, i) => i)
              .filter((i) => (mask >> i) & 1)
              .map((i) => ({ protocol: protocolOf(i), first: base + (i % 8), last: base + (i % 8) })),
          ),
        );
      const [left, right] = [setOf(a), setOf(b)];
      agree('union', left.union(right).toString(), setOf(a | b).toString());
      agree('intersection', left.intersection(right).toString(), setOf(a & b).toString());
      agree('difference', left.difference(right).toString(), setOf(a & ~b).toString());
      agree('equals', left.equals(right), a === b);
      agree('equals itself', left.equals(setOf(a)), true);
      agree('superset', left.isSupersetOf(right), (b & ~a) === 0);
      const i = random.below(16);
      const port = base + (i % 8);
      agree('has', left.has(port, protocolOf(i)), ((a >> i) & 1) === 1);
      agree('complement', left.complement().has(port, protocolOf(i)), ((a >> i) & 1) === 0);
      agree('only', left.only('udp').toString(), setOf(a & 0xff00).toString());
    });
  });
});
