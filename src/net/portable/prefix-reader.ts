import type { Bytes, Words } from './machine.ts';
import { hostMask } from './words.ts';

/**
 * Prefixes out of bytes of text, the way in for lists of millions. Only the accepted forms are known here;
 * whoever is refused turns to `parsePrefix` of `prefix.ts`, which says what is wrong, and where.
 */

const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const COLON = 58;

/** Where `readPrefix` leaves what it found: the first address (one word for IPv4, four for IPv6) from 0 on. */
export const LENGTH = 4;
export const FAMILY = 5;

/** Uncompressed groups with a dotted quad at the end: six of four digits and a colon, "255.255.255.255/128". */
export const LONGEST_TEXT = 6 * 5 + 19;

/**
 * Reads a strict `address/length` without host bits that begins at `start` and is followed by anything
 * that is not a decimal digit (or by the end). One `found` serves a whole list, so that reading makes no garbage.
 * @returns the offset after the last byte that was read, or -1 for a text that is no prefix
 */
export function readPrefix(bytes: Bytes, start: i32, found: Words): i32 {
  // The family shows within the first five characters: a colon follows at most four hexadecimal digits.
  for (let at = start; at < start + 5; at++) {
    const byte = bytes[at]!;
    if (byte === COLON) return readIpv6(bytes, start, found);
    if (byte === DOT) break;
  }
  return readIpv4(bytes, start, found);
}

function readIpv4(bytes: Bytes, start: i32, found: Words): i32 {
  let at = start;
  let value: u32 = 0;
  for (let part = 0; part < 4; part++) {
    let octet: i32 = bytes[at++]! - ZERO;
    // An offset beyond the end reads as NaN, which fails the comparison like any byte that is no digit.
    if (!(octet >= 0 && octet <= 9)) return -1;
    let digit: i32 = bytes[at]! - ZERO;
    if (digit >= 0 && digit <= 9) {
      if (octet === 0) return -1;
      octet = octet * 10 + digit;
      digit = bytes[++at]! - ZERO;
      if (digit >= 0 && digit <= 9) {
        octet = octet * 10 + digit;
        if (octet > 255) return -1;
        at++;
      }
    }
    value = (value << 8) | octet;
    if (bytes[at++] !== (part === 3 ? SLASH : DOT)) return -1;
  }
  const end = readLength(bytes, at, 32, found);
  if (end < 0 || (value & hostMask(found[LENGTH]!)) !== 0) return -1;
  found[FAMILY] = 4;
  found[0] = value;
  return end;
}

function readIpv6(bytes: Bytes, start: i32, found: Words): i32 {
  for (let k = 0; k < 4; k++) found[k] = 0;
  let at = start;
  let groups = 0;
  let gap = -1;
  if (bytes[at] === COLON) {
    if (bytes[at + 1] !== COLON) return -1;
    gap = 0;
    at += 2;
  }
  // Groups are written as they come; what follows a "::" is moved to the low end afterwards.
  while (bytes[at] !== SLASH) {
    if (groups === 8) return -1;
    let group = 0;
    let digits = 0;
    let byte = bytes[at]!;
    const begin = at;
    for (let value = hexadecimal(byte); value >= 0; value = hexadecimal(byte)) {
      group = (group << 4) | value;
      digits++;
      byte = bytes[++at]!;
    }
    if (byte === DOT) {
      if (groups > 6) return -1;
      at = readEmbedded(bytes, begin, groups, found);
      if (at < 0) return -1;
      groups += 2;
      break;
    }
    if (digits === 0 || digits > 4) return -1;
    putGroup(found, groups++, group);
    if (byte === COLON) {
      at++;
      if (bytes[at] === COLON) {
        if (gap >= 0) return -1;
        gap = groups;
        at++;
      } else if (bytes[at] === SLASH) return -1;
    } else if (byte !== SLASH) return -1;
  }
  if (gap < 0 ? groups !== 8 : groups > 7) return -1;
  if (gap >= 0) closeGap(found, gap, groups);
  if (bytes[at] !== SLASH) return -1;
  const end = readLength(bytes, at + 1, 128, found);
  if (end < 0) return -1;
  const length: i32 = found[LENGTH]!;
  for (let k = 0; k < 4; k++) if ((found[k]! & hostMask(length - 32 * k)) !== 0) return -1;
  found[FAMILY] = 6;
  return end;
}

/** The dotted quad at the end of an IPv6 address, as two groups; the offset after it, or -1. */
function readEmbedded(bytes: Bytes, start: i32, groups: i32, found: Words): i32 {
  let at = start;
  for (let part = 0; part < 4; part++) {
    let octet = 0;
    let digits = 0;
    for (let digit: i32 = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[at]! - ZERO) {
      if (digits > 0 && octet === 0) return -1;
      octet = octet * 10 + digit;
      if (octet > 255) return -1;
      digits++;
      at++;
    }
    if (digits === 0) return -1;
    putGroup(found, groups + (part >> 1), (part & 1) === 0 ? octet << 8 : octet);
    if (part < 3 && bytes[at++] !== DOT) return -1;
  }
  return at;
}

function readLength(bytes: Bytes, start: i32, most: i32, found: Words): i32 {
  let at = start;
  let length: i32 = bytes[at++]! - ZERO;
  if (!(length >= 0 && length <= 9)) return -1;
  for (let digit: i32 = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO) {
    if (length === 0) return -1;
    length = length * 10 + digit;
    if (length > most) return -1;
  }
  found[LENGTH] = length;
  return at;
}

/** The value of a hexadecimal digit, -1 for any other byte. */
function hexadecimal(byte: i32): i32 {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** Puts 16 bits (or 8 of them) into the n-th group, of which these bits must be zero. */
function putGroup(words: Words, group: i32, value: i32): void {
  const at = group >> 1;
  words[at] = words[at]! | ((group & 1) === 0 ? value << 16 : value);
}

function closeGap(words: Words, gap: i32, groups: i32): void {
  let to = 7;
  for (let from = groups - 1; from >= gap; from--) {
    const shift = (from & 1) === 0 ? 16 : 0;
    const at = from >> 1;
    const value: i32 = (words[at]! >>> shift) & 0xffff;
    words[at] = words[at]! & ~(0xffff << shift);
    putGroup(words, to--, value);
  }
}
