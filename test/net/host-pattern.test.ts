import { describe, expect, it } from 'vitest';
import {
  compareHostPatterns,
  formatHostPattern,
  HostSyntaxError,
  parseHost,
  parseHostPattern,
} from '../../src/net/host-pattern.ts';

const LABEL63 = 'a'.repeat(63);

describe('host names', () => {
  it.each([
    ['example.com', 'example.com'],
    ['EXAMPLE.Com.', 'example.com'],
    ['a', 'a'],
    ['_dmarc.example.com', '_dmarc.example.com'],
    ['a-b.example', 'a-b.example'],
    ['4.example', '4.example'],
    ['example.com4', 'example.com4'],
    ['a0xf', 'a0xf'],
    ['1.2.3.4.example', '1.2.3.4.example'],
    ['0xg.example.0xg', '0xg.example.0xg'],
    ['Bücher.example', 'xn--bcher-kva.example'],
    ['例え.テスト', 'xn--r8jz45g.xn--zckzah'],
    ['faß.example', 'xn--fa-hia.example'],
    [`${LABEL63}.example`, `${LABEL63}.example`],
    [`${'abcdefghi.'.repeat(25)}com`, `${'abcdefghi.'.repeat(25)}com`],
  ])('%s is %s', (text, name) => {
    expect(parseHost(text)).toBe(name);
  });

  it.each([
    ['', 'it is empty'],
    ['.', 'it is empty'],
    ['a..b', 'label ""'],
    ['.example', 'label ""'],
    ['example..', 'label ""'],
    ['-a.example', 'label "-a"'],
    ['a-.example', 'label "a-"'],
    ['a*.example', 'label "a*"'],
    [`${LABEL63}a.example`, `label "${LABEL63}a"`],
    [`${'abcdefghi.'.repeat(25)}comm`, 'longer than 253'],
    ['https://example.com', 'a scheme, port, path or space'],
    ['example.com/path', 'a scheme, port, path or space'],
    ['example.com:443', 'a scheme, port, path or space'],
    ['user@example.com', 'a scheme, port, path or space'],
    ['example.com?q', 'a scheme, port, path or space'],
    ['example.com#f', 'a scheme, port, path or space'],
    ['exam ple.com', 'a scheme, port, path or space'],
    ['example.com\n', 'a scheme, port, path or space'],
    ['ex%41mple.com', 'a scheme, port, path or space'],
    ['a\\b', 'a scheme, port, path or space'],
    ['[::1]', 'a scheme, port, path or space'],
    ['192.0.2.1', 'ends in a number'],
    ['example.0x7f', 'ends in a number'],
    ['example.0x', 'ends in a number'],
    ['42', 'ends in a number'],
    ['\u{ad}', 'it is empty'],
    ['a\u0000b.example', 'label'],
  ])('%j is none: %s', (text, reason) => {
    expect(() => parseHost(text)).toThrow(expect.objectContaining({ name: 'HostSyntaxError' }));
    expect(() => parseHost(text)).toThrow(HostSyntaxError);
    expect(() => parseHost(text)).toThrow(reason);
    expect(() => parseHost(text)).toThrow(`${JSON.stringify(text)} is not a host name: `);
  });
});

describe('host patterns', () => {
  it.each([
    ['example.com', { name: 'example.com', apex: true, subdomains: false }],
    ['*.example.com', { name: 'example.com', apex: false, subdomains: true }],
    ['.example.com', { name: 'example.com', apex: true, subdomains: true }],
  ])('%s', (text, pattern) => {
    expect(parseHostPattern(text)).toEqual(pattern);
    expect(formatHostPattern(pattern)).toBe(text);
  });

  it.each(['a.*.example', '*example.com', '*', 'example.*', '**.example'])('%s is none', (text) => {
    expect(() => parseHostPattern(text)).toThrow(HostSyntaxError);
    expect(() => parseHostPattern(text)).toThrow('"*" may only stand as the whole first label');
  });

  it.each(['*.', '.', '..example', '*.*.example', '*..example'])('%s is none either', (text) => {
    expect(() => parseHostPattern(text)).toThrow(HostSyntaxError);
  });

  it('are sorted from the top level down', () => {
    const sorted = [
      'example.com',
      '.example.com',
      '*.example.com',
      'a.example.com',
      'b.a.example.com',
      'z.example.com',
      'example.org',
      '*.example.org',
    ];
    const shuffled = [3, 7, 0, 5, 2, 6, 4, 1].map((i) => parseHostPattern(sorted[i]!));
    expect(shuffled.sort(compareHostPatterns).map(formatHostPattern)).toEqual(sorted);
    expect(compareHostPatterns(parseHostPattern('a.b'), parseHostPattern('a.b'))).toBe(0);
  });
});
