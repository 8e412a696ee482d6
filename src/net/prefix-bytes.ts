import { hostMask } from './address-words.ts';

/**
 * Prefixes as bytes of text, the way in and out for lists of millions. Only the accepted forms are known
 * here; whoever gets `false` turns to `parsePrefix` of `prefix.ts`, which says what is wrong, and where.
 */

const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const COLON = 58;

/** Uncompressed groups with a dotted quad at the end: six of four digits and a colon, "255.255.255.255/128". */
const LONGEST_TEXT = 6 * 5 + 19;

/**
 * Reads one prefix at a time into its own fields; one object serves a whole list, so that reading makes
 * no garbage. The fields hold the last prefix that was read with success.
 */
export class PrefixReader {
  family: 4 | 6 = 4;
  length = 0;
  /** First address: one word for IPv4, four for IPv6. */
  readonly words = new Uint32Array(4);
  /** The offset after the last byte that was read. */
  end = 0;
  readonly #text = new Uint8Array(LONGEST_TEXT + 1);

  /**
   * Reads a strict `address/length` without host bits that begins at `start` and is followed by anything
   * that is not a decimal digit (or by the end).
   */
  read(bytes: Uint8Array, start: number): boolean {
    // The family shows within the first five characters: a colon follows at most four hexadecimal digits.
    for (let at = start; at < start + 5; at++) {
      const byte = bytes[at];
      if (byte === COLON) return this.#ipv6(bytes, start);
      if (byte === DOT) break;
    }
    return this.#ipv4(bytes, start);
  }

  /** Like `read`, for a string that is a prefix and nothing else. */
  readText(text: string): boolean {
    const length = text.length;
    if (length > LONGEST_TEXT) return false;
    const bytes = this.#text;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      // A byte array would keep the low bits only of U+0131, and take it for "1".
      if (code > 127) return false;
      bytes[i] = code;
    }
    bytes[length] = 0;
    return this.read(bytes, 0) && this.end === length;
  }

  #ipv4(bytes: Uint8Array, start: number): boolean {
    let at = start;
    let value = 0;
    for (let part = 0; part < 4; part++) {
      let octet = bytes[at++]! - ZERO;
      // An offset beyond the end reads as NaN, which fails the comparison like any byte that is no digit.
      if (!(octet >= 0 && octet <= 9)) return false;
      let digit = bytes[at]! - ZERO;
      if (digit >= 0 && digit <= 9) {
        if (octet === 0) return false;
        octet = octet * 10 + digit;
        digit = bytes[++at]! - ZERO;
        if (digit >= 0 && digit <= 9) {
          octet = octet * 10 + digit;
          if (octet > 255) return false;
          at++;
        }
      }
      value = (value << 8) | octet;
      if (bytes[at++] !== (part === 3 ? SLASH : DOT)) return false;
    }
    if (!this.#readLength(bytes, at, 32)) return false;
    // A shift by 32 is a shift by 0 in JavaScript; a /32 has no host bits to look at.
    if (this.length < 32 && value << this.length !== 0) return false;
    this.family = 4;
    this.words[0] = value;
    return true;
  }

  #ipv6(bytes: Uint8Array, start: number): boolean {
    const words = this.words;
    words.fill(0);
    let at = start;
    let groups = 0;
    let gap = -1;
    if (bytes[at] === COLON) {
      if (bytes[at + 1] !== COLON) return false;
      gap = 0;
      at += 2;
    }
    // Groups are written as they come; what follows a "::" is moved to the low end afterwards.
    while (bytes[at] !== SLASH) {
      if (groups === 8) return false;
      let group = 0;
      let digits = 0;
      let byte = bytes[at];
      const begin = at;
      for (let value = hexadecimal(byte); value >= 0; value = hexadecimal(byte)) {
        group = (group << 4) | value;
        digits++;
        byte = bytes[++at];
      }
      if (byte === DOT) {
        if (groups > 6 || !this.#embedded(bytes, begin, groups)) return false;
        groups += 2;
        at = this.end;
        break;
      }
      if (digits === 0 || digits > 4) return false;
      putGroup(words, groups++, group);
      if (byte === COLON) {
        at++;
        if (bytes[at] === COLON) {
          if (gap >= 0) return false;
          gap = groups;
          at++;
        } else if (bytes[at] === SLASH) return false;
      } else if (byte !== SLASH) return false;
    }
    if (gap < 0 ? groups !== 8 : groups > 7) return false;
    if (gap >= 0) closeGap(words, gap, groups);
    if (bytes[at] !== SLASH || !this.#readLength(bytes, at + 1, 128)) return false;
    for (let k = 0; k < 4; k++) if ((words[k]! & hostMask(this.length - 32 * k)) !== 0) return false;
    this.family = 6;
    return true;
  }

  /** The dotted quad at the end of an IPv6 address, as two groups; leaves `end` behind it. */
  #embedded(bytes: Uint8Array, start: number, groups: number): boolean {
    let at = start;
    for (let part = 0; part < 4; part++) {
      let octet = 0;
      let digits = 0;
      for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[at]! - ZERO) {
        if (digits > 0 && octet === 0) return false;
        octet = octet * 10 + digit;
        if (octet > 255) return false;
        digits++;
        at++;
      }
      if (digits === 0) return false;
      const group = groups + (part >> 1);
      putGroup(this.words, group, part % 2 === 0 ? octet << 8 : octet);
      if (part < 3 && bytes[at++] !== DOT) return false;
    }
    this.end = at;
    return true;
  }

  #readLength(bytes: Uint8Array, start: number, most: number): boolean {
    let at = start;
    let length = bytes[at++]! - ZERO;
    if (!(length >= 0 && length <= 9)) return false;
    for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO) {
      if (length === 0) return false;
      length = length * 10 + digit;
      if (length > most) return false;
    }
    this.length = length;
    this.end = at;
    return true;
  }
}

function hexadecimal(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** Puts 16 bits (or 8 of them) into the n-th group, of which these bits must be zero. */
function putGroup(words: Uint32Array, group: number, value: number): void {
  words[group >> 1] = words[group >> 1]! | (group % 2 === 0 ? value << 16 : value);
}

function closeGap(words: Uint32Array, gap: number, groups: number): void {
  for (let from = groups - 1, to = 7; from >= gap; from--, to--) {
    const shift = from % 2 === 0 ? 16 : 0;
    const value = (words[from >> 1]! >>> shift) & 0xffff;
    words[from >> 1] = words[from >> 1]! & ~(0xffff << shift);
    putGroup(words, to, value);
  }
}

/** The most bytes that `writePrefix` writes: eight groups of four, seven colons, "/128". */
export const LONGEST_PREFIX = 43;

/** Writes `a.b.c.d/length` at `at` and returns the offset after it. */
export function writeIpv4Prefix(bytes: Uint8Array, at: number, value: number, length: number): number {
  let end = writeIpv4(bytes, at, value);
  bytes[end++] = SLASH;
  end = writeDecimal(bytes, end, length);
  return end;
}

/** Writes a dotted quad at `at` and returns the offset after it. */
export function writeIpv4(bytes: Uint8Array, at: number, value: number): number {
  let end = writeDecimal(bytes, at, value >>> 24);
  bytes[end++] = DOT;
  end = writeDecimal(bytes, end, (value >>> 16) & 255);
  bytes[end++] = DOT;
  end = writeDecimal(bytes, end, (value >>> 8) & 255);
  bytes[end++] = DOT;
  return writeDecimal(bytes, end, value & 255);
}

/** Writes an RFC 5952 address and its prefix length at `at` and returns the offset after them. */
export function writeIpv6Prefix(
  bytes: Uint8Array,
  at: number,
  words: Uint32Array,
  first: number,
  length: number,
): number {
  let end = writeIpv6(bytes, at, words, first);
  bytes[end++] = SLASH;
  end = writeDecimal(bytes, end, length);
  return end;
}

/** Writes the address whose first word is `words[first]` as RFC 5952 text and returns the offset after it. */
export function writeIpv6(bytes: Uint8Array, at: number, words: Uint32Array, first: number): number {
  const group = (index: number) => (words[first + (index >> 1)]! >>> (index % 2 === 0 ? 16 : 0)) & 0xffff;
  // RFC 5952, 4.2: the longest run of two or more zero groups, the first of equals, becomes "::".
  let gap = -1;
  let gapLength = 1;
  for (let index = 0; index < 8; index++) {
    let length = 0;
    while (index + length < 8 && group(index + length) === 0) length++;
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
    const value = group(index);
    if (value > 0xfff) bytes[end++] = HEXADECIMAL[value >> 12]!;
    if (value > 0xff) bytes[end++] = HEXADECIMAL[(value >> 8) & 15]!;
    if (value > 0xf) bytes[end++] = HEXADECIMAL[(value >> 4) & 15]!;
    bytes[end++] = HEXADECIMAL[value & 15]!;
    if (index < 7) bytes[end++] = COLON;
  }
  return end;
}

const HEXADECIMAL = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** The three digits of each number up to 255: looked up, as dividing is the slowest part of writing. */
const DIGITS = Uint8Array.from({ length: 3 * 256 }, (_, i) => {
  const divisor = 10 ** (2 - (i % 3));
  return ZERO + (Math.floor(Math.floor(i / 3) / divisor) % 10);
});

/** Writes a number up to 255. */
function writeDecimal(bytes: Uint8Array, at: number, value: number): number {
  const digits = 3 * value;
  let end = at;
  if (value > 99) bytes[end++] = DIGITS[digits]!;
  if (value > 9) bytes[end++] = DIGITS[digits + 1]!;
  bytes[end++] = DIGITS[digits + 2]!;
  return end;
}
