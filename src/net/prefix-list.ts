import { AddressSyntaxError } from './address.ts';
import { AddressSet } from './address-set.ts';
import { DualStackSet } from './dual-stack-set.ts';
import { Ipv4Ranges } from './ipv4-ranges.ts';
import { Ipv6Ranges } from './ipv6-ranges.ts';
import { parsePrefix } from './prefix.ts';
import { PrefixReader } from './prefix-bytes.ts';

/** A line of a prefix list that is not a prefix; `line` counts from 1, `position` within it from 0. */
export class PrefixListError extends Error {
  override readonly name = 'PrefixListError';
  readonly line: number;
  readonly position: number;

  constructor(line: number, cause: AddressSyntaxError) {
    super(`line ${line}: ${cause.message}`, { cause });
    this.line = line;
    this.position = cause.position;
  }
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/**
 * The addresses of a list of prefixes as UTF-8 bytes, one strict prefix of either family a line, blank
 * lines allowed; made for millions of lines.
 * @throws PrefixListError at the first line that is not a prefix
 */
export function parsePrefixList(bytes: Uint8Array): DualStackSet {
  // The shortest line, "::/0", takes five bytes, a usual one fifteen: one growth at most in practice.
  const ipv4 = new Ipv4Ranges(64 + Math.ceil(bytes.length / 15));
  const ipv6 = new Ipv6Ranges();
  const reader = new PrefixReader();
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === NEWLINE) {
      at++;
      continue;
    }
    if (byte === CARRIAGE_RETURN && bytes[at + 1] === NEWLINE) {
      at += 2;
      continue;
    }
    if (!reader.read(bytes, at)) throw lineError(bytes, at);
    const { end, length } = reader;
    const next = bytes[end] === CARRIAGE_RETURN ? end + 1 : end;
    if (end < bytes.length && bytes[next] !== NEWLINE) throw lineError(bytes, at);
    if (reader.family === 4) {
      const first = reader.words[0]!;
      ipv4.add(first, first | (2 ** (32 - length) - 1));
    } else ipv6.addPrefix(reader.words, 0, length);
    at = end;
  }
  return new DualStackSet(AddressSet.fromCollected(ipv4), AddressSet.fromCollected(ipv6));
}

/**
 * The addresses of prefixes as text, of either family, in any order: straight into a set, without a
 * `Prefix` for each.
 * @throws AddressSyntaxError at the first that is not a prefix
 */
export function parsePrefixes(texts: Iterable<string>): DualStackSet {
  const ipv4 = new Ipv4Ranges();
  const ipv6 = new Ipv6Ranges();
  const reader = new PrefixReader();
  for (const text of texts) {
    if (!reader.readText(text)) {
      parsePrefix(text);
      throw new Error(`the two parsers disagree on ${JSON.stringify(text)}`);
    }
    const { family, words, length } = reader;
    if (family === 4) ipv4.add(words[0]!, words[0]! | (2 ** (32 - length) - 1));
    else ipv6.addPrefix(words, 0, length);
  }
  return new DualStackSet(AddressSet.fromCollected(ipv4), AddressSet.fromCollected(ipv6));
}

/** Reads the line once more with the parser that knows what is wrong. */
function lineError(bytes: Uint8Array, start: number): PrefixListError {
  let line = 1;
  for (let at = 0; at < start; at++) if (bytes[at] === NEWLINE) line++;
  const newline = bytes.indexOf(NEWLINE, start);
  const ended = newline < 0 ? bytes.length : newline;
  // Only together with a newline does a carriage return end a line.
  const end = newline >= 0 && bytes[newline - 1] === CARRIAGE_RETURN ? newline - 1 : ended;
  const text = new TextDecoder().decode(bytes.subarray(start, end));
  try {
    parsePrefix(text);
  } catch (error) {
    if (error instanceof AddressSyntaxError) return new PrefixListError(line, error);
    throw error;
  }
  throw new Error(`the two parsers disagree on ${JSON.stringify(text)}`);
}
