import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { type Line, outside, toned } from '../../src/review/outline.ts';
import { blocksText } from '../../src/review/text.ts';

const linesOf = (line: Line, width: number, colors = pc.createColors(false)) =>
  blocksText([{ kind: 'paragraph', line }], { width, colors })
    .trimEnd()
    .split('\n');

describe('a line that is broken', () => {
  const device: Line = ['squid ', toned('+512 IPv4', 'gain'), ' (', outside('storage-weu'), ')'];

  it('keeps what stands in parentheses whole, across its spans', () => {
    for (let width = 13; width < 29; width++) {
      const lines = linesOf(device, width);
      expect(lines.join('\n'), `${width}`).toContain('(storage-weu)');
      for (const text of lines) expect(text.length).toBeLessThanOrEqual(width);
    }
    expect(linesOf(device, 28)).toEqual(['squid +512 IPv4', '(storage-weu)']);
    expect(linesOf(['loses addresses (1 IPv6 /64 network) today'], 30)).toEqual([
      'loses addresses',
      '(1 IPv6 /64 network) today',
    ]);
  });

  it('keeps a number with its sign, and a family with the length of its networks', () => {
    for (let width = 12; width < 40; width++) {
      const text = linesOf(
        ['gains 12 % in IPv4 and 65,536 IPv6 /64 networks of all (limit 5 %)'],
        width,
      ).join('\n');
      expect(text, `${width}`).not.toMatch(/\n(%|\/64)/);
    }
  });

  it('breaks in them where they do not fit, and where they are long', () => {
    expect(linesOf(device, 8)).toEqual(['squid', '+512', 'IPv4 (', 'storage-weu', ')']);
    const rules: Line = [
      'iptables (',
      outside('connector'),
      ', ',
      outside('storage-weu'),
      ' and 14 more rules)',
    ];
    expect(linesOf(rules, 40)).toEqual(['iptables (connector, storage-weu and 14', 'more rules)']);
  });

  it('loses no text at any width, coloured or not', () => {
    const text = 'squid +512 IPv4 (storage-weu); a (b (c d) e) f) g ( h';
    for (let width = 1; width < 70; width++) {
      expect(linesOf([text], width).join(' '), `${width}`).toBe(text);
      const plain = linesOf(device, width).join(' ');
      const coloured = linesOf(device, width, pc.createColors(true)).join(' ');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of
      expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(plain);
    }
  });
});
