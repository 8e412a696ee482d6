import { describe, expect, it } from 'vitest';
import { visible } from '../../src/cli/visible.ts';

const ESC = String.fromCharCode(0x1b);

describe('what reaches a terminal', () => {
  it('leaves text, line feeds, tabs and the colours of the product', () => {
    const text = `Ünïcode 漢字 → “quotes”\n\ttab ${ESC}[32m+512${ESC}[39m`;
    expect(visible(text, true)).toBe(text);
    expect(visible(text, false)).toBe(text.replaceAll(ESC, '\\u001b'));
  });

  /** Every character that a terminal obeys or hides. */
  const payloads = [
    ...Array.from({ length: 0x20 }, (_, code) => code).filter((code) => code !== 0x0a && code !== 0x09),
    ...Array.from({ length: 0x21 }, (_, index) => 0x7f + index),
    ...[0xad, 0x61c, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x2060, 0xfeff],
    ...[0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0xe0001, 0xe0041],
  ].map((code) => String.fromCodePoint(code));

  it.each([true, false])('has none of %s characters that it obeys or hides', (colours) => {
    for (const payload of payloads) {
      const shown = visible(`a${payload}b`, colours);
      expect(shown).toMatch(/^a(\\u[0-9a-f]{4})+b$/);
      // In JSON it is the character itself.
      expect(JSON.parse(`"${shown}"`)).toBe(`a${payload}b`);
    }
  });

  it.each([
    `${ESC}]0;title\u0007`,
    `${ESC}[2J`,
    `${ESC}[1A`,
    `${ESC}[?25l`,
    `${ESC}P$q"p${ESC}\\`,
    `${ESC}[31`,
    '\u009b2J',
    '\u009d0;title\u009c',
    '\r+0 IPv4',
    '\b\b\b',
  ])('obeys no %j', (payload) => {
    const shown = visible(payload, true);
    expect(shown).not.toContain(ESC);
    expect(shown).toMatch(/^[\x20-\x7e]+$/);
  });
});
