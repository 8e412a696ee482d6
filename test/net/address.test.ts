import { describe, expect, it } from 'vitest';
import {
  AddressSyntaxError,
  formatAddress,
  formatIpv4,
  parseAddress,
  parseIpv4,
  readIpv4Text,
} from '../../src/net/address.ts';
import { readValue } from '../../src/net/address-words.ts';
import { FAMILY, LENGTH, readPrefix } from '../../src/net/portable/prefix-reader.ts';
import {
  comparePrefixes,
  formatPrefix,
  lastAddress,
  parsePrefix,
  readPrefixText,
} from '../../src/net/prefix.ts';
import { almostPrefix } from './almost-prefix.ts';
import { agree, CASES, forSeeds } from './seeded.ts';
import * as twinAddress from './twin/address.ts';
import * as twin from './twin/prefix.ts';

const TOP6 = 2n ** 128n - 1n;

describe('addresses', () => {
  it.each([
    ['0.0.0.0', 4, 0n, '0.0.0.0'],
    ['255.255.255.255', 4, 0xffffffffn, '255.255.255.255'],
    ['192.0.2.1', 4, 0xc0000201n, '192.0.2.1'],
    ['::', 6, 0n, '::'],
    ['::1', 6, 1n, '::1'],
    ['1::', 6, 1n << 112n, '1::'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 6, TOP6, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:DB8::0001', 6, (0x20010db8n << 96n) | 1n, '2001:db8::1'],
    ['2001:0db8:0:0:0:0:0:1', 6, (0x20010db8n << 96n) | 1n, '2001:db8::1'],
    // RFC 5952, 4.2.2: one zero group is written out, though "::" may be read for it.
    ['2001:db8::1:1:1:1:1', 6, 0x20010db8000000010001000100010001n, '2001:db8:0:1:1:1:1:1'],
    // RFC 5952, 4.2.3: the longest run, and the first of equals.
    ['2001:0:0:1:0:0:0:1', 6, 0x20010000000000010000000000000001n, '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', 6, 0x20010db8000000000001000000000001n, '2001:db8::1:0:0:1'],
    ['::ffff:192.0.2.1', 6, 0xffffc0000201n, '::ffff:c000:201'],
    ['1:2:3:4:5:6:192.0.2.1', 6, 0x000100020003000400050006c0000201n, '1:2:3:4:5:6:c000:201'],
    ['64:ff9b::192.0.2.33', 6, (0x64ff9bn << 96n) | 0xc0000221n, '64:ff9b::c000:221'],
    [
      'f:10:ff:100:fff:1000:ffff:f000',
      6,
      0x000f001000ff01000fff1000fffff000n,
      'f:10:ff:100:fff:1000:ffff:f000',
    ],
    ['1:2:3:4:5:6:7::', 6, 0x00010002000300040005000600070000n, '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', 6, 0x00000002000300040005000600070008n, '0:2:3:4:5:6:7:8'],
    ['2001:db8:0:a0b:f0:100:10:0', 6, 0x20010db800000a0b00f0010000100000n, '2001:db8:0:a0b:f0:100:10:0'],
  ] as const)('reads %s', (text, family, value, canonical) => {
    expect(parseAddress(text)).toEqual({ family, value });
    expect(formatAddress(family, value)).toBe(canonical);
  });

  it.each([
    ['', 0, 'four parts'],
    ['1.2.3', 5, 'four parts'],
    ['255.255.255', 11, 'four parts'],
    ['1.2.3.', 6, 'decimal part'],
    ['1.2.3.4.', 7, 'four parts'],
    ['1.2.3.4.5', 7, 'four parts'],
    ['1..3.4', 2, 'decimal part'],
    ['.1.2.3', 0, 'decimal part'],
    ['01.2.3.4', 0, 'must not begin with 0'],
    ['1.2.03.4', 4, 'must not begin with 0'],
    ['1.2.3.00', 6, 'must not begin with 0'],
    ['256.2.3.4', 0, 'at most 255'],
    ['1.2.3.999', 6, 'at most 255'],
    ['1.2.3.1000', 6, 'at most 255'],
    ['1.2.3.4 ', 7, 'decimal part'],
    [' 1.2.3.4', 0, 'decimal part'],
    ['0x7f.0.0.1', 1, 'decimal part'],
    ['1.2.3.٤', 6, 'decimal part'],
    ['1.2.3.-4', 6, 'decimal part'],
    ['16909060', 0, '255'],
    ['a.b.c.d', 0, 'decimal part'],
    [':', 0, 'single colon'],
    [':::', 2, 'hexadecimal'],
    [':1::', 0, 'single colon'],
    ['1:', 1, 'single colon'],
    ['1::2:', 4, 'single colon'],
    ['1::2::3', 5, 'may stand once'],
    ['1:2:3:4:5:6:7', 13, 'eight groups'],
    ['1:2:3:4:5:6:7:8:9', 17, 'too many'],
    ['1:2:3:4:5:6:7:8::', 17, 'too many'],
    ['1:2:3:4::5:6:7:8', 16, 'too many'],
    ['12345::', 0, 'hexadecimal'],
    ['g::', 0, 'hexadecimal'],
    ['fe80::1%eth0', 6, 'hexadecimal'],
    ['[::1]', 0, 'hexadecimal'],
    ['::1.2.3', 7, 'embedded'],
    ['::1.2.3.04', 8, 'embedded'],
    ['1:2:3:4:5:6:7:1.2.3.4', 21, 'too many'],
    ['::1.2.3.4:5', 2, 'hexadecimal'],
  ])('refuses %j at %i: %s', (text, position, reason) => {
    expect(() => parseAddress(text)).toThrow(AddressSyntaxError);
    try {
      parseAddress(text);
    } catch (error) {
      expect((error as AddressSyntaxError).position).toBe(position);
      expect((error as AddressSyntaxError).text).toContain(text);
      expect((error as AddressSyntaxError).message).toContain(reason);
      expect((error as AddressSyntaxError).message).toContain(`at character ${position + 1}: `);
    }
  });

  it('keeps IPv4 addresses unsigned', () => {
    expect(parseIpv4('255.0.0.1')).toBe(0xff000001);
    expect(formatIpv4(0xff000001)).toBe('255.0.0.1');
    expect(formatAddress(4, 0xff000001n)).toBe('255.0.0.1');
  });
});

describe('the quick reader of dotted quads', () => {
  it('reads what the slow one reads, and refuses the rest', () => {
    forSeeds(CASES, (random) => {
      const parts = Array.from({ length: random.chance(6) ? random.below(6) : 4 }, () =>
        random.pick([
          '0',
          '1',
          '9',
          '10',
          '99',
          '199',
          '249',
          '255',
          '256',
          '00',
          '01',
          '',
          `${random.below(256)}`,
        ]),
      );
      const text = parts.join('.');
      let expected = -1;
      try {
        expected = Number(twinAddress.parseAddress(text).value);
      } catch {
        // Not an address.
      }
      agree(text, readIpv4Text(text), expected);
    });
  });

  it('takes digits and dots and nothing else', () => {
    for (let code = 0; code < 0x180; code++) {
      const character = String.fromCharCode(code);
      const valid = /[0-9]/.test(character);
      for (const text of [`${character}.2.3.4`, `1.2${character}.3.4`, `1.2.3.${character}`])
        expect(readIpv4Text(text) >= 0, JSON.stringify(text)).toBe(valid);
    }
    expect(readIpv4Text('255.255.255.255')).toBe(0xffffffff);
    expect(readIpv4Text('0.0.0.0')).toBe(0);
  });
});

describe('prefixes', () => {
  it.each([
    ['0.0.0.0/0', { family: 4, first: 0n, length: 0 }, 0xffffffffn],
    ['255.255.255.255/32', { family: 4, first: 0xffffffffn, length: 32 }, 0xffffffffn],
    ['128.0.0.0/1', { family: 4, first: 0x80000000n, length: 1 }, 0xffffffffn],
    ['192.0.2.0/24', { family: 4, first: 0xc0000200n, length: 24 }, 0xc00002ffn],
    ['192.0.2.4/30', { family: 4, first: 0xc0000204n, length: 30 }, 0xc0000207n],
    ['::/0', { family: 6, first: 0n, length: 0 }, TOP6],
    ['8000::/1', { family: 6, first: 1n << 127n, length: 1 }, TOP6],
    ['2001:db8::/32', { family: 6, first: 0x20010db8n << 96n, length: 32 }, (0x20010db9n << 96n) - 1n],
    [
      '2001:db8::2/127',
      { family: 6, first: (0x20010db8n << 96n) | 2n, length: 127 },
      (0x20010db8n << 96n) | 3n,
    ],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128', { family: 6, first: TOP6, length: 128 }, TOP6],
  ] as const)('reads and writes %s', (text, prefix, last) => {
    expect(parsePrefix(text)).toEqual(prefix);
    expect(formatPrefix(prefix)).toBe(text);
    expect(lastAddress(prefix)).toBe(last);
  });

  it('reads the longest spelling that there is', () => {
    const text = 'ABCD:abcd:abcd:abcd:abcd:abcd:255.255.255.255/128';
    expect(readPrefixText(text)).toBeDefined();
    expect(readPrefixText(`${text}8`)).toBeUndefined();
    expect(formatPrefix(parsePrefix(text))).toBe('abcd:abcd:abcd:abcd:abcd:abcd:ffff:ffff/128');
  });

  it.each([
    ['192.0.2.0', 9, 'a prefix length ("/24") is expected'],
    ['192.0.2.0/', 10, 'decimal prefix length'],
    ['192.0.2.0/024', 10, 'decimal prefix length'],
    ['192.0.2.0/24 ', 10, 'decimal prefix length'],
    ['192.0.2.0/255.255.255.0', 10, 'decimal prefix length'],
    ['192.0.2.0/-1', 10, 'decimal prefix length'],
    ['192.0.2.0/33', 10, 'at most 32'],
    ['192.0.2.0/128', 10, 'at most 32'],
    ['2001:db8::/129', 11, 'at most 128'],
    ['2001:db8::/1000', 11, 'decimal prefix length'],
    ['192.0.2.1/24', 9, 'the prefix would be 192.0.2.0/24'],
    ['0.0.0.1/0', 7, 'the prefix would be 0.0.0.0/0'],
    ['192.0.2.1/31', 9, 'the prefix would be 192.0.2.0/31'],
    ['2001:db8::1/64', 11, 'the prefix would be 2001:db8::/64'],
    ['10.0.0/8', 6, 'four parts'],
    ['10/8', 2, 'four parts'],
    ['/8', 0, 'four parts'],
    ['ı0.0.0.0/8', 0, 'decimal part'],
    ['192.0.2.0/2４', 10, 'decimal prefix length'],
    ['fe80::%1/64', 6, 'hexadecimal'],
  ])('refuses %j at %i: %s', (text, position, reason) => {
    expect(() => parsePrefix(text)).toThrow(AddressSyntaxError);
    try {
      parsePrefix(text);
    } catch (error) {
      expect((error as AddressSyntaxError).position).toBe(position);
      expect((error as AddressSyntaxError).message).toContain(reason);
    }
  });

  it('sorts by family, then address, then the broader first', () => {
    const sorted = [
      '0.0.0.0/0',
      '0.0.0.0/1',
      '10.0.0.0/8',
      '10.0.0.0/9',
      '192.0.2.0/24',
      '::/0',
      '::/1',
      '1::/16',
    ];
    const shuffled = [5, 2, 7, 0, 3, 6, 1, 4].map((i) => parsePrefix(sorted[i]!));
    expect(shuffled.sort(comparePrefixes).map(formatPrefix)).toEqual(sorted);
    expect(comparePrefixes(parsePrefix('::/1'), parsePrefix('::/1'))).toBe(0);
  });
});

function attempt(text: string): twin.Prefix | undefined {
  try {
    return twin.parsePrefix(text);
  } catch {
    return undefined;
  }
}

describe('the two parsers', () => {
  it.each([
    '',
    '1.2.3.4',
    '1.2.3.4/',
    '1.2.3.4/x',
    '1.2.3.4/ 32',
    '1.2.3.4/:2',
    '1.2.3.4/33',
    '1.2.3.4/032',
    '1.2.3.4/00',
    '1.2.3.5/31',
    '1.2.3.256/32',
    '1.2.3.1111/32',
    '1.2.3.01/32',
    '1.2.3.00/32',
    '1.2.3/32',
    '1.2.3.4.5/32',
    '1.2.3:4/32',
    '1.2.3.x/32',
    '1.2.3.:/32',
    '1.2.3.1:/32',
    '1.2.3.1x/32',
    '1.2.3.12:/32',
    '.1.2.3/32',
    '1..2.3/32',
    '/32',
    ':/128',
    '::/129',
    '::/0128',
    '::1/127',
    ':1::/128',
    '1:/128',
    '1:2/128',
    ':::/128',
    '1:::/128',
    '::1::/128',
    '1::2::/128',
    '1:2:3:4:5:6:7/128',
    '1:2:3:4:5:6:7:/128',
    '1:2:3:4:5:6:7:8:9/128',
    '1:2:3:4:5:6:7:8::/128',
    '::1:2:3:4:5:6:7:8/128',
    '1:2:3:4:5:6:7:1.2.3.4/128',
    '1:2:3:4:5:6:7::1.2.3.4/128',
    '1:2:3:4:5::6:1.2.3.4/128',
    '1:2:3:4:5:1.2.3.4/128',
    '::1.2.3/128',
    '::1.2.3./128',
    '::1..2.3/128',
    '::1.2.3.256/128',
    '::1.2.3.04/128',
    '::1.2.3.4.5/128',
    '::1.2.3.4:5/128',
    '::f.2.3.4/128',
    '::1.2.3.:/128',
    '::1.2.3.4',
    '::12345/128',
    '::g/128',
    '::`/128',
    '::@/128',
    '::1 /128',
    '::1',
    '::1;/128',
    '::/',
    '::/-1',
    '::/:',
    '12345::/128',
  ])('both refuse %j', (text) => {
    expect(readPrefix(new TextEncoder().encode(text), 0, new Uint32Array(6))).toBe(-1);
    expect(readPrefixText(text)).toBeUndefined();
    expect(() => parsePrefix(text)).toThrow(AddressSyntaxError);
  });

  it.each(['::01.2.3.4/128', '::1.2.3.256/128', '::1.2.3./128', '::1.2;3.4/128'])(
    'the reader of bytes refuses %s, whatever stands before it',
    (text) => {
      const bytes = new TextEncoder().encode(`=/128 ${text}`);
      expect(readPrefix(bytes, 6, new Uint32Array(6))).toBe(-1);
    },
  );

  it('accept and refuse the same texts as the slow one does', () => {
    const encoder = new TextEncoder();
    const found = new Uint32Array(6);
    let accepted = 0;
    forSeeds(CASES, (random) => {
      const text = almostPrefix(random);
      let expected: unknown;
      try {
        expected = twin.parsePrefix(text);
        accepted++;
      } catch (error) {
        expected = (error as Error).name;
      }
      let actual: unknown;
      try {
        actual = parsePrefix(text);
      } catch (error) {
        actual = (error as Error).name;
      }
      agree(text, actual, expected);
      agree(`${text} as a string`, readPrefixText(text) !== undefined, typeof expected === 'object');
      // Within a longer text, what counts is up to the last digit after the slash.
      const head = /^[^/]*\/\d+/.exec(text)?.[0];
      const prefix = head === undefined ? undefined : attempt(head);
      const bytes = encoder.encode(`=${text}`);
      const end = readPrefix(bytes, 1, found);
      agree(`${text} as bytes`, end, prefix === undefined ? -1 : 1 + head!.length);
      if (prefix === undefined) return;
      agree('family', found[FAMILY], prefix.family);
      agree('length', found[LENGTH], prefix.length);
      agree('words', readValue(found, 0, prefix.family === 4 ? 1 : 4), prefix.first);
    });
    expect(accepted).toBeGreaterThan(CASES / 10);
  });

  it('give back every prefix in the spelling of the slow formatter', () => {
    forSeeds(CASES, (random) => {
      const family = random.pick([4, 6] as const);
      const bits = family === 4 ? 32 : 128;
      const length = random.below(bits + 1);
      // Sparse bits, so that there are runs of zero groups.
      const value =
        random.bits(bits) &
        random.bits(bits) &
        (random.chance(2) ? random.bits(bits) & random.bits(bits) : -1n);
      const first = (value >> BigInt(bits - length)) << BigInt(bits - length);
      const text = formatPrefix({ family, first, length });
      agree('format', text, twin.formatPrefix({ family, first, length }));
      agree('fast', readPrefixText(text), { family, first, length });
      agree('parse', parsePrefix(text), { family, first, length });
      agree(
        'address',
        parseAddress(formatAddress(family, value)),
        twinAddress.parseAddress(formatAddress(family, value)),
      );
    });
  });
});
