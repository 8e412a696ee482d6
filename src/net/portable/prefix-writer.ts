import type { Bytes, Words } from './machine.ts';

/** Prefixes as bytes of text, the way out for lists of millions. */

const NEWLINE = 10;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const COLON = 58;

/** The most bytes of a line: "255.255.255.255/32"; eight groups of four, seven colons, "/128". */
export const LONGEST_IPV4_LINE = 19;
export const LONGEST_IPV6_LINE = 44;

/** Writes prefixes, each an address and a length, a line each from `at` on, and returns the offset after them. */
export function writeIpv4Lines(prefixes: Words, count: i32, bytes: Bytes, at: i32): i32 {
  let end = at;
  for (let i = 0; i < 2 * count; i += 2) {
    end = writeIpv4(bytes, end, prefixes[i]!);
    end = writeLength(bytes, end, prefixes[i + 1]!);
  }
  return end;
}

/** The same for IPv6: four words of address and a length. */
export function writeIpv6Lines(prefixes: Words, count: i32, bytes: Bytes, at: i32): i32 {
  let end = at;
  for (let i = 0; i < 5 * count; i += 5) {
    end = writeIpv6(bytes, end, prefixes, i);
    end = writeLength(bytes, end, prefixes[i + 4]!);
  }
  return end;
}

function writeLength(bytes: Bytes, at: i32, length: i32): i32 {
  bytes[at] = SLASH;
  const end = writeDecimal(bytes, at + 1, length);
  bytes[end] = NEWLINE;
  return end + 1;
}

/** Writes a dotted quad at `at` and returns the offset after it. */
function writeIpv4(bytes: Bytes, at: i32, value: u32): i32 {
  let end = writeDecimal(bytes, at, value >>> 24);
  bytes[end] = DOT;
  end = writeDecimal(bytes, end + 1, (value >>> 16) & 255);
  bytes[end] = DOT;
  end = writeDecimal(bytes, end + 1, (value >>> 8) & 255);
  bytes[end] = DOT;
  return writeDecimal(bytes, end + 1, value & 255);
}

/** Writes the address whose first word is `words[first]` as RFC 5952 text and returns the offset after it. */
export function writeIpv6(bytes: Bytes, at: i32, words: Words, first: i32): i32 {
  // RFC 5952, 4.2: the longest run of two or more zero groups, the first of equals, becomes "::".
  let gap = -1;
  let gapLength = 1;
  for (let index = 0; index < 8; index++) {
    let length = 0;
    while (index + length < 8 && groupOf(words, first, index + length) === 0) length++;
    if (length > gapLength) {
      gap = index;
      gapLength = length;
    }
    index += length;
  }
  let end = at;
  for (let index = 0; index < 8; index++) {
    if (index === gap) {
      bytes[end++] = COLON;
      if (index === 0) bytes[end++] = COLON;
      index += gapLength - 1;
      continue;
    }
    const value = groupOf(words, first, index);
    if (value > 0xfff) bytes[end++] = hexadecimalDigit(value >> 12);
    if (value > 0xff) bytes[end++] = hexadecimalDigit((value >> 8) & 15);
    if (value > 0xf) bytes[end++] = hexadecimalDigit((value >> 4) & 15);
    bytes[end++] = hexadecimalDigit(value & 15);
    if (index < 7) bytes[end++] = COLON;
  }
  return end;
}

/** The n-th 16 bits of the address. */
function groupOf(words: Words, first: i32, index: i32): i32 {
  const word = words[first + (index >> 1)]!;
  return (index & 1) === 0 ? word >>> 16 : word & 0xffff;
}

function hexadecimalDigit(value: i32): i32 {
  return value < 10 ? ZERO + value : 87 + value;
}

/** Writes a number up to 255. Multiplying by 205 / 2048 divides such numbers by ten, exactly up to 1028. */
function writeDecimal(bytes: Bytes, at: i32, value: i32): i32 {
  let end = at;
  let rest = value;
  if (value > 99) {
    const hundreds = value > 199 ? 2 : 1;
    bytes[end++] = ZERO + hundreds;
    rest -= 100 * hundreds;
  }
  const tens = (rest * 205) >> 11;
  if (value > 9) bytes[end++] = ZERO + tens;
  bytes[end++] = ZERO + rest - 10 * tens;
  return end;
}
