import { readValue, writeValue } from './address-words.ts';
import { writeIpv6 } from './portable/prefix-writer.ts';

/** IP version. */
export type Family = 4 | 6;

/** An address of either family; `value` is the address as an unsigned integer. */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** Bits in an address of the family. */
export function width(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** Text that is not an address or prefix in strict form; `position` is the offending offset, from 0. */
export class AddressSyntaxError extends Error {
  override readonly name = 'AddressSyntaxError';
  readonly text: string;
  readonly position: number;

  constructor(text: string, position: number, reason: string) {
    super(`${JSON.stringify(text)} at character ${position + 1}: ${reason}`);
    this.text = text;
    this.position = position;
  }
}

/**
 * Parses an address: dotted quad without leading zeros, or RFC 4291 text without a zone id.
 * @throws AddressSyntaxError
 */
export function parseAddress(text: string): Address {
  return text.includes(':')
    ? { family: 6, value: parseIpv6(text) }
    : { family: 4, value: BigInt(parseIpv4(text)) };
}

/** Formats an address: dotted quad, or RFC 5952 text. */
export function formatAddress(family: Family, value: bigint): string {
  return family === 4 ? formatIpv4(Number(value)) : formatIpv6(value);
}

/** Parses a strict dotted quad into an unsigned 32-bit number. @throws AddressSyntaxError */
export function parseIpv4(text: string): number {
  const value = readIpv4Text(text);
  return value >= 0 ? value : explainIpv4(text);
}

/**
 * The quick half of `parseIpv4`: -1 for any other text. It serves look-ups by text at ten millions a second, so
 * it has few branches: exclusive or with "0" leaves a digit its value, a dot 30, and nothing else below 10.
 */
export function readIpv4Text(text: string): number {
  const { length } = text;
  let value = 0;
  let dots = 0;
  let octet = -1;
  for (let at = 0; at < length; at++) {
    const digit = text.charCodeAt(at) ^ 48;
    if (digit < 10) {
      if (octet === 0) return -1;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return -1;
    } else if (digit === 30 && octet >= 0 && dots < 3) {
      value = (value << 8) | octet;
      octet = -1;
      dots++;
    } else return -1;
  }
  return dots === 3 && octet >= 0 ? ((value << 8) | octet) >>> 0 : -1;
}

/** The slow and talkative half: says what is wrong with a text that is not a dotted quad, and where. */
function explainIpv4(text: string): never {
  let part = 0;
  let octet = 0;
  let begin = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (at === begin) throw new AddressSyntaxError(text, at, 'a decimal part is expected');
      if (++part === 4) throw new AddressSyntaxError(text, at, 'an IPv4 address has four parts');
      octet = 0;
      begin = at + 1;
    } else {
      const digit = code - 48;
      if (digit < 0 || digit > 9) throw new AddressSyntaxError(text, at, 'a decimal part is expected');
      if (at > begin && octet === 0)
        throw new AddressSyntaxError(text, begin, 'a part must not begin with 0');
      octet = octet * 10 + digit;
      if (octet > 255) throw new AddressSyntaxError(text, begin, 'a part is at most 255');
    }
  }
  if (part < 3) throw new AddressSyntaxError(text, text.length, 'an IPv4 address has four parts');
  throw new AddressSyntaxError(text, begin, 'a decimal part is expected');
}

export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

function parseIpv6(text: string): bigint {
  const words: number[] = [];
  let gap = -1;
  let position = 0;
  const fail = (reason: string, at = position): never => {
    throw new AddressSyntaxError(text, at, reason);
  };
  if (text.startsWith('::')) {
    gap = 0;
    position = 2;
  } else if (text.startsWith(':')) fail('an address must not begin with a single colon');
  while (position < text.length) {
    const end = text.indexOf(':', position);
    const part = text.slice(position, end < 0 ? undefined : end);
    if (end < 0 && part.includes('.')) {
      let embedded = 0;
      try {
        embedded = parseIpv4(part);
      } catch (error) {
        if (error instanceof AddressSyntaxError)
          fail('the embedded IPv4 address is malformed', position + error.position);
        throw error;
      }
      words.push(embedded >>> 16, embedded & 0xffff);
      position = text.length;
      break;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) fail('one to four hexadecimal digits are expected');
    words.push(Number.parseInt(part, 16));
    position += part.length;
    if (end < 0) break;
    position++;
    if (text[position] === ':') {
      if (gap >= 0) fail('"::" may stand once');
      gap = words.length;
      position++;
    } else if (position === text.length) fail('an address must not end with a single colon', position - 1);
  }
  if (words.length > 8 || (gap >= 0 && words.length > 7)) fail('too many groups', text.length);
  if (gap < 0 && words.length < 8) fail('an IPv6 address has eight groups', text.length);
  if (gap >= 0) words.splice(gap, 0, ...new Array<number>(8 - words.length).fill(0));
  for (let k = 0; k < 4; k++) ipv6Words[k] = words[2 * k]! * 0x10000 + words[2 * k + 1]!;
  return readValue(ipv6Words, 0, 4);
}

function formatIpv6(value: bigint): string {
  writeValue(ipv6Words, 0, 4, value);
  return String.fromCharCode(...ipv6Text.subarray(0, writeIpv6(ipv6Text, 0, ipv6Words, 0)));
}

// Scratch space, so that formatting a list makes nothing but its strings.
const ipv6Words = new Uint32Array(4);
const ipv6Text = new Uint8Array(39);
