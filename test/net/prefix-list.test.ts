import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AddressSyntaxError } from '../../src/net/address.ts';
import { AddressSet } from '../../src/net/address-set.ts';
import { coverOf, sortedRecords } from '../../src/net/bulk.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import {
  PrefixListError,
  parsePrefixArrays,
  parsePrefixes,
  parsePrefixList,
} from '../../src/net/prefix-list.ts';
import { CASES, Random } from './seeded.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('a prefix list', () => {
  it.each([
    ['', []],
    ['\n\r\n\n', []],
    ['192.0.2.0/25\n192.0.2.128/25', ['192.0.2.0/24']],
    [
      '192.0.2.128/25\r\n2001:db8::/33\r\n\r\n2001:db8:8000::/33\r\n192.0.2.0/25\r\n',
      ['192.0.2.0/24', '2001:db8::/32'],
    ],
    ['0.0.0.0/0\n10.0.0.0/8\n::/0\n2001:db8::/32\n', ['0.0.0.0/0', '::/0']],
    [
      '255.255.255.255/32\nffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128',
      ['255.255.255.255/32', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'],
    ],
    ['198.51.100.7/32\n198.51.100.4/30\n198.51.100.6/31\n198.51.100.0/30', ['198.51.100.0/29']],
  ])('%j', (text, cover) => {
    expect(parsePrefixList(bytes(text)).toStrings()).toEqual(cover);
  });

  it.each([
    ['192.0.2.0/24\n\n192.0.2.1/24\n', 3, 9, 'the prefix would be 192.0.2.0/24'],
    ['192.0.2.0/24 \n', 1, 10, 'decimal prefix length'],
    ['192.0.2.0/24,198.51.100.0/24\n', 1, 10, 'decimal prefix length'],
    ['# note\n', 1, 0, 'decimal part'],
    ['192.0.2.0/24\r198.51.100.0/24', 1, 10, 'decimal prefix length'],
    ['2001:db8::/32\r\n2001:db8::1/32\r\n', 2, 11, 'host bits'],
    ['::/0\n192.0.2.0', 2, 9, 'prefix length'],
    ['\r', 1, 0, 'decimal part'],
    ['\r192.0.2.0/24\n', 1, 0, 'decimal part'],
    ['x\n', 1, 0, 'decimal part'],
    ['192.0.2.0/24\r', 1, 10, 'decimal prefix length'],
    ['192.0.2.0/24\n.', 2, 0, 'decimal part'],
    ['192.0.2.0/24\n198.51.100.0/24\r', 2, 13, 'decimal prefix length'],
    ['192.0.2.0/24\n198.51.100.0/24;\n', 2, 13, 'decimal prefix length'],
  ])('refuses %j at line %i, offset %i', (text, line, position, reason) => {
    try {
      parsePrefixList(bytes(text));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(PrefixListError);
      expect(error).toMatchObject({ name: 'PrefixListError', line, position });
      expect((error as Error).cause).toBeInstanceOf(AddressSyntaxError);
      expect((error as Error).message).toContain(`line ${line}: `);
      expect((error as Error).message).toContain(reason);
    }
  });

  it('equals the set of the same prefixes read one by one, for as many as there are cases', () => {
    const random = new Random(7);
    const lines: string[] = [];
    for (let i = 0; i < CASES; i++) {
      const bits = 20 + random.below(13);
      const value = (random.word() >>> (32 - bits)) * 2 ** (32 - bits);
      lines.push(`${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}/${bits}`);
      if (i % 3 === 0)
        lines.push(`2001:db8:${random.below(64).toString(16)}:${random.below(65536).toString(16)}::/64`);
    }
    const set = parsePrefixList(bytes(lines.join('\n')));
    expect(parsePrefixes(lines).equals(set)).toBe(true);
    expect(set.equals(DualStackSet.fromPrefixes(lines.map(parsePrefix)))).toBe(true);
    expect(set.ipv6.rangeCount).toBeGreaterThan(CASES / 100);
  });
});

describe('prefixes as strings', () => {
  it('become a set of both families', () => {
    expect(parsePrefixes(['192.0.2.128/25', '2001:db8::/32', '192.0.2.0/25']).toStrings()).toEqual([
      '192.0.2.0/24',
      '2001:db8::/32',
    ]);
    expect(parsePrefixes([]).toStrings()).toEqual([]);
    expect(parsePrefixes(new Set(['192.0.2.0/24'])).toStrings()).toEqual(['192.0.2.0/24']);
    expect(parsePrefixes(['::/0', '0.0.0.0/0']).toStrings()).toEqual(['0.0.0.0/0', '::/0']);
  });

  it('are refused with the place of the mistake', () => {
    expect(() => parsePrefixes(['192.0.2.0/24', '192.0.2.1/24'])).toThrow(
      '"192.0.2.1/24" at character 10: host bits',
    );
    expect(() => parsePrefixes(['\u0131.0.0.0/8'])).toThrow(AddressSyntaxError);
    expect(() => parsePrefixes(['192.0.2.0/24 '])).toThrow(AddressSyntaxError);
    expect(() => parsePrefixes(['0'.repeat(60)])).toThrow(AddressSyntaxError);
    expect(() => parsePrefixes([''])).toThrow(AddressSyntaxError);
    expect(() => parsePrefixes(['192.0.2.0/24', '', '198.51.100.0/24'])).toThrow(AddressSyntaxError);
    expect(() => parsePrefixes(['192.0.2.0/24\n198.51.100.0/24'])).toThrow(AddressSyntaxError);
    expect(() => parsePrefixes(['192.0.2.0/24\r', '198.51.100.0/24'])).toThrow(AddressSyntaxError);
    // Two mistakes that make up for each other in the number of lines.
    expect(() => parsePrefixes(['192.0.2.0/24\n198.51.100.0/24', ''])).toThrow(AddressSyntaxError);
  });
});

describe('arrays of prefixes in a JSON text', () => {
  const read = (value: unknown, indent?: number) =>
    parsePrefixArrays(bytes(JSON.stringify(value, undefined, indent)), 'prefixes').toStrings();

  it.each([undefined, 0, 2])('are found by their key, whatever the spacing (%s)', (indent) => {
    expect(
      read(
        {
          name: 'no array',
          a: { prefixes: ['192.0.2.0/25', '2001:db8::/32'], other: ['203.0.113.0/24'] },
          b: [{ prefixes: [] }, { prefixes: ['192.0.2.128/25'] }],
        },
        indent,
      ),
    ).toEqual(['192.0.2.0/24', '2001:db8::/32']);
    expect(read({ other: ['203.0.113.0/24'] }, indent)).toEqual([]);
  });

  it('must not end in the middle', () => {
    expect(() => parsePrefixArrays(bytes('{"prefixes":["192.0.2.0/24"'), 'prefixes')).toThrow(
      'line 1: "" at character 1: the text ends within an array of prefixes',
    );
  });

  it.each([
    ['{"prefixes":["192.0.2.0/24",\n"192.0.2.1/24"]}', 2, 9],
    ['{"prefixes":["192.0.2.0/24 "]}', 1, 10],
    ['{"prefixes":["192.0.2.0/24]"}', 1, 10],
    ['{"prefixes":["192.0.2.0/24]}', 1, 14],
    ['{"prefixes":["192.0.2.0/24"', 1, 0],
    ['{"prefixes":["192.0.2.0/24', 1, 12],
  ])('refuse %j at line %i, offset %i', (text, line, position) => {
    try {
      parsePrefixArrays(bytes(text), 'prefixes');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(PrefixListError);
      expect(error).toMatchObject({ line, position });
    }
  });
});

describe('lists that are read in parts', () => {
  const random = new Random(11);
  // Longer and shorter lines of both families, and as many bytes as three parts have.
  const prefixes = Array.from({ length: 14_000 }, () =>
    random.chance(2)
      ? `${random.below(224)}.${random.below(256)}.${random.below(256)}.${random.below(256)}/32`
      : `2001:db8:${random.below(65536).toString(16)}:${random.below(65536).toString(16)}::/64`,
  );
  const expected = DualStackSet.fromPrefixes(prefixes.map(parsePrefix));
  const expectSame = (set: DualStackSet) => {
    expect(set.equals(expected)).toBe(true);
    expect(set.ipv4.rangeCount).toBeGreaterThan(6000);
  };

  it('are read whole, wherever a part ends', () => {
    for (let shift = 0; shift < 60; shift += CASES < 100_000 ? 13 : 1) {
      const before = '\n'.repeat(shift);
      expectSame(parsePrefixList(bytes(before + prefixes.join('\n'))));
      const half = prefixes.length >> 1;
      const arrays = [prefixes.slice(0, half), [], prefixes.slice(half)];
      const text = JSON.stringify(arrays.map((all) => ({ name: 'x', prefixes: all, other: ['no prefix'] })));
      expectSame(parsePrefixArrays(bytes(before + text), 'prefixes'));
    }
    expectSame(parsePrefixes(prefixes));
  });

  it('may have a key that is longer than all else, at the end of a part too', () => {
    const key = 'k'.repeat(300);
    for (let shift = 0; shift < 400; shift += 7) {
      const text = `${' '.repeat(2 ** 17 - shift)}{"${key}": ["192.0.2.0/24"]}`;
      expect(parsePrefixArrays(bytes(text), key).toStrings()).toEqual(['192.0.2.0/24']);
    }
    expect(
      parsePrefixArrays(bytes(JSON.stringify({ a: ['192.0.2.0/24'] })), 'b'.repeat(2 ** 18)).isEmpty,
    ).toBe(true);
  });

  it('may have the longest spelling there is at the end of a part', () => {
    const longest = 'ABCD:abcd:abcd:abcd:abcd:abcd:255.255.255.255/128';
    const same = ['abcd:abcd:abcd:abcd:abcd:abcd:ffff:ffff/128'];
    for (let shift = 0; shift < 60; shift++) {
      const before = '\n'.repeat(2 ** 17 - shift);
      expect(parsePrefixList(bytes(`${before}${longest}\r\n`)).toStrings()).toEqual(same);
      expect(parsePrefixArrays(bytes(`"k":[${before}"${longest}"]`), 'k').toStrings()).toEqual(same);
    }
  });

  it('have room for as many as there can be: the shortest lines, the last without an end', () => {
    for (let count = 0; count < 40; count++) {
      const ipv4 = `${'1.0.0.0/8\n'.repeat(count)}2.0.0.0/7`;
      expect(parsePrefixList(bytes(ipv4)).toStrings()).toEqual(
        count === 0 ? ['2.0.0.0/7'] : ['1.0.0.0/8', '2.0.0.0/7'],
      );
      expect(parsePrefixList(bytes(`${'::/9\n'.repeat(count)}::/0`)).toStrings()).toEqual(['::/0']);
    }
  });

  it('say where the mistake is, in whichever part', () => {
    for (const at of [5, 7000, 13_999]) {
      const wrong = prefixes.with(at, '192.0.2.1/24');
      expect(() => parsePrefixList(bytes(wrong.join('\n')))).toThrow(
        expect.objectContaining({ line: at + 1, position: 9 }),
      );
      expect(() => parsePrefixArrays(bytes(JSON.stringify({ a: wrong }, undefined, 1)), 'a')).toThrow(
        expect.objectContaining({ line: at + 3, position: 9 }),
      );
    }
  });

  it('leave nothing behind that a later list changes', () => {
    const [a, b] = [prefixes.slice(0, 4000), prefixes.slice(4000, 8000)];
    const set = parsePrefixes(a);
    const made = [
      set.ipv4.coverBytes(),
      set.ipv6.coverBytes(),
      set.ipv4.flips,
      set.ipv6.flips,
      coverOf(set.ipv4.flips, 1),
      sortedRecords(set.ipv4.flips.toReversed(), 2, 1),
    ];
    const digest = () => made.map((part) => createHash('sha256').update(part).digest('hex')).join();
    const before = digest();
    // As large, so that they stand where the first ones stood.
    const later = parsePrefixes(b);
    expect(later.ipv4.coverBytes()).not.toEqual(made[0]);
    later.ipv6.coverBytes();
    coverOf(later.ipv4.flips, 1);
    sortedRecords(later.ipv4.flips.toReversed(), 2, 1);
    AddressSet.fromPrefixes(4, later.ipv4.cover());
    expect(digest()).toBe(before);
  });
});
