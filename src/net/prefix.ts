import { AddressSyntaxError, type Family, formatAddress, parseAddress, width } from './address.ts';
import { readValue } from './address-words.ts';
import { FAMILY, LENGTH, LONGEST_TEXT, readPrefix } from './portable/prefix-reader.ts';

/** One CIDR: `first` is its lowest address, `length` its prefix length in bits; host bits are zero. */
export interface Prefix {
  readonly family: Family;
  readonly first: bigint;
  readonly length: number;
}

/**
 * Parses `address/length`, strictly: no missing length, no leading zeros, no host bits.
 * @throws AddressSyntaxError
 */
export function parsePrefix(text: string): Prefix {
  return readPrefixText(text) ?? explainPrefix(text);
}

/** The quick half of `parsePrefix`: a text that is a prefix and nothing else; undefined for any other. */
export function readPrefixText(text: string): Prefix | undefined {
  const { length } = text;
  if (length > LONGEST_TEXT) return undefined;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    // A byte array would keep the low bits only of U+0131, and take it for "1".
    if (code > 127) return undefined;
    textBytes[i] = code;
  }
  textBytes[length] = 0;
  if (readPrefix(textBytes, 0, found) !== length) return undefined;
  const family = found[FAMILY] === 4 ? 4 : 6;
  return { family, first: readValue(found, 0, family === 4 ? 1 : 4), length: found[LENGTH]! };
}

// Scratch space, so that reading a prefix makes nothing but the prefix.
const textBytes = new Uint8Array(LONGEST_TEXT + 1);
const found = new Uint32Array(FAMILY + 1);

/** The slow and talkative parser: says what is wrong with a text that is not a prefix, and where. */
function explainPrefix(text: string): Prefix {
  const slash = text.indexOf('/');
  const { family, value } = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (slash < 0) throw new AddressSyntaxError(text, text.length, 'a prefix length ("/24") is expected');
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits))
    throw new AddressSyntaxError(text, slash + 1, 'a decimal prefix length is expected');
  const length = Number(digits);
  if (length > width(family))
    throw new AddressSyntaxError(text, slash + 1, `a prefix length is at most ${width(family)}`);
  const prefix = { family, first: value, length };
  if ((value & hostMask(prefix)) !== 0n)
    throw new AddressSyntaxError(
      text,
      slash,
      `host bits are set; the prefix would be ${formatPrefix({ ...prefix, first: value & ~hostMask(prefix) })}`,
    );
  return prefix;
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.family, prefix.first)}/${prefix.length}`;
}

/** The highest address of the prefix. */
export function lastAddress(prefix: Prefix): bigint {
  return prefix.first | hostMask(prefix);
}

/** Numeric order: IPv4 before IPv6, then by first address, then the broader prefix first. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  return a.length - b.length;
}

function hostMask(prefix: Prefix): bigint {
  return (1n << BigInt(width(prefix.family) - prefix.length)) - 1n;
}
