import { AddressSyntaxError, type Family, formatAddress, parseAddress, width } from './address.ts';
import { readValue } from './address-words.ts';
import { PrefixReader } from './prefix-bytes.ts';

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

/** Words a prefix that `PrefixReader` knows; undefined for any other text. */
function readPrefixText(text: string): Prefix | undefined {
  if (!reader.readText(text)) return undefined;
  return {
    family: reader.family,
    first: readValue(reader.words, 0, reader.family === 4 ? 1 : 4),
    length: reader.length,
  };
}

const reader = new PrefixReader();

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
