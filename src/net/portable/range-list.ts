import type { Bytes, Words } from './machine.ts';
import { FAMILY, LENGTH, readPrefix } from './prefix-reader.ts';
import { hostMask } from './words.ts';

/**
 * Lists of prefixes as text into ranges: records of a first and a last address, two words for IPv4 and
 * eight for IPv6, in the order of the text.
 */

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const QUOTE = 34;
const CLOSING_BRACKET = 93;

/** The shortest lines, "0.0.0.0/0" and "::/0" with what separates them from the next: no text has more of them. */
export const SHORTEST_IPV4_LINE = 10;
export const SHORTEST_IPV6_LINE = 5;

/**
 * What stands in a `state` after that which `readPrefix` leaves there: how many ranges there are, and whether
 * the text stopped inside an array.
 */
export const IPV4_COUNT = 6;
export const IPV6_COUNT = 7;
export const IN_ARRAY = 8;
export const STATE_WORDS = 9;

/**
 * Reads one strict prefix of either family a line, blank lines allowed, and appends a range each. A text may
 * come in parts: no line is begun at `limit` or after it.
 * @returns the offset up to which the text is dealt with, or -1 - n if the line that begins at n is no prefix
 */
export function readLines(
  bytes: Bytes,
  length: i32,
  limit: i32,
  ipv4: Words,
  ipv6: Words,
  state: Words,
): i32 {
  let at = 0;
  while (at < limit) {
    const byte = bytes[at]!;
    if (byte === NEWLINE) {
      at++;
      continue;
    }
    if (byte === CARRIAGE_RETURN && at + 1 < length && bytes[at + 1] === NEWLINE) {
      at += 2;
      continue;
    }
    const end = readPrefix(bytes, at, state);
    if (end < 0) return -1 - at;
    if (end < length) {
      const next = bytes[end] === CARRIAGE_RETURN ? end + 1 : end;
      if (next === length || bytes[next] !== NEWLINE) return -1 - at;
    }
    append(ipv4, ipv6, state);
    at = end;
  }
  return at;
}

/**
 * Reads the JSON arrays of strings, each a strict prefix of either family, that follow a key, and appends a
 * range each. What stands between the strings is passed over: this is no reader of JSON. A text may come in
 * parts: no string is begun at `limit` or after it.
 * @returns the offset up to which the text is dealt with, or -1 - n if the string that begins at n is no prefix
 */
export function readArrays(
  bytes: Bytes,
  length: i32,
  limit: i32,
  key: Bytes,
  keyLength: i32,
  ipv4: Words,
  ipv6: Words,
  state: Words,
): i32 {
  let at = 0;
  while (at < limit) {
    if (state[IN_ARRAY] === 0) {
      while (at < limit && !(bytes[at] === QUOTE && beginsWith(bytes, at, length, key, keyLength))) at++;
      if (at >= limit) return at;
      at += keyLength;
      state[IN_ARRAY] = 1;
    }
    while (at < limit && bytes[at] !== CLOSING_BRACKET) {
      if (bytes[at] !== QUOTE) {
        at++;
        continue;
      }
      const end = readPrefix(bytes, at + 1, state);
      if (end < 0 || end >= length || bytes[end] !== QUOTE) return -1 - at;
      append(ipv4, ipv6, state);
      at = end + 1;
    }
    if (at < limit) state[IN_ARRAY] = 0;
  }
  return at;
}

function beginsWith(bytes: Bytes, start: i32, length: i32, key: Bytes, keyLength: i32): bool {
  if (start + keyLength > length) return false;
  for (let i = 0; i < keyLength; i++) if (bytes[start + i] !== key[i]) return false;
  return true;
}

/** Appends the range of the prefix that was read last. */
function append(ipv4: Words, ipv6: Words, state: Words): void {
  const length: i32 = state[LENGTH]!;
  if (state[FAMILY] === 4) {
    const at: i32 = 2 * state[IPV4_COUNT]!;
    ipv4[at] = state[0]!;
    ipv4[at + 1] = state[0]! | hostMask(length);
    state[IPV4_COUNT] = state[IPV4_COUNT]! + 1;
    return;
  }
  const at: i32 = 8 * state[IPV6_COUNT]!;
  for (let k = 0; k < 4; k++) {
    ipv6[at + k] = state[k]!;
    ipv6[at + 4 + k] = state[k]! | hostMask(length - 32 * k);
  }
  state[IPV6_COUNT] = state[IPV6_COUNT]! + 1;
}
