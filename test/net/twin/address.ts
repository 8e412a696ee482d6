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
  let value = 0;
  let position = 0;
  const octets = text.split('.');
  for (const [index, octet] of octets.entries()) {
    if (index > 3) throw new AddressSyntaxError(text, position - 1, 'an IPv4 address has four parts');
    if (!/^\d+$/.test(octet)) throw new AddressSyntaxError(text, position, 'a decimal part is expected');
    if (octet.length > 1 && octet.startsWith('0'))
      throw new AddressSyntaxError(text, position, 'a part must not begin with 0');
    if (octet.length > 3 || Number(octet) > 255)
      throw new AddressSyntaxError(text, position, 'a part is at most 255');
    value = value * 256 + Number(octet);
    position += octet.length + 1;
  }
  if (octets.length < 4) throw new AddressSyntaxError(text, text.length, 'an IPv4 address has four parts');
  return value;
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
  return words.reduce((value, word) => (value << 16n) | BigInt(word), 0n);
}

function formatIpv6(value: bigint): string {
  const words = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && words[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = words.map((word) => word.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}
