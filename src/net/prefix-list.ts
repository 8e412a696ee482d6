import { AddressSyntaxError } from './address.ts';
import { AddressSet } from './address-set.ts';
import { type FlipsOfBoth, flipsOfArrays, flipsOfLines } from './bulk.ts';
import { DualStackSet } from './dual-stack-set.ts';
import { parsePrefix } from './prefix.ts';

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
const QUOTE = 34;

/**
 * The addresses of a list of prefixes as UTF-8 bytes, one strict prefix of either family a line, blank
 * lines allowed; made for millions of lines.
 * @throws PrefixListError at the first line that is not a prefix
 */
export function parsePrefixList(bytes: Uint8Array): DualStackSet {
  const read = flipsOfLines(bytes);
  if (typeof read === 'number') throw lineError(bytes, read);
  return setOf(read);
}

/**
 * The addresses of prefixes as text, of either family, in any order: straight into a set, without a
 * `Prefix` for each.
 * @throws AddressSyntaxError at the first that is not a prefix
 */
export function parsePrefixes(texts: Iterable<string>): DualStackSet {
  // One long text is read faster than many short ones; as JSON, because that escapes what no prefix has.
  const all = [...texts];
  const read = flipsOfArrays(new TextEncoder().encode(JSON.stringify({ all })), 'all');
  if (typeof read !== 'number') return setOf(read);
  for (const text of all) parsePrefix(text);
  throw new Error('the two parsers disagree on a list of prefixes');
}

/**
 * The addresses of all JSON arrays of prefixes that follow a key, wherever it stands in the text: the fast way
 * through a weekly file that is known to be well-formed, such as one that was parsed and kept before.
 * @throws PrefixListError at the first string in such an array that is not a prefix
 */
export function parsePrefixArrays(bytes: Uint8Array, key: string): DualStackSet {
  const read = flipsOfArrays(bytes, key);
  if (typeof read === 'number') throw stringError(bytes, read);
  return setOf(read);
}

function setOf({ ipv4, ipv6 }: FlipsOfBoth): DualStackSet {
  return new DualStackSet(AddressSet.fromFlips(4, ipv4), AddressSet.fromFlips(6, ipv6));
}

/** Reads the line once more with the parser that knows what is wrong. */
function lineError(bytes: Uint8Array, start: number): PrefixListError {
  const newline = bytes.indexOf(NEWLINE, start);
  const ended = newline < 0 ? bytes.length : newline;
  // Only together with a newline does a carriage return end a line.
  const end = newline >= 0 && bytes[newline - 1] === CARRIAGE_RETURN ? newline - 1 : ended;
  return explained(bytes, start, end);
}

/** The same for the string whose quote is at the offset, or for a text that ends too soon. */
function stringError(bytes: Uint8Array, quote: number): PrefixListError {
  const end = bytes.indexOf(QUOTE, quote + 1);
  if (end >= 0) return explained(bytes, quote + 1, end);
  const text = decode(bytes, quote + 1, bytes.length);
  return new PrefixListError(
    lineAt(bytes, quote),
    new AddressSyntaxError(text, text.length, 'the text ends within an array of prefixes'),
  );
}

function explained(bytes: Uint8Array, start: number, end: number): PrefixListError {
  const text = decode(bytes, start, end);
  try {
    parsePrefix(text);
  } catch (error) {
    if (error instanceof AddressSyntaxError) return new PrefixListError(lineAt(bytes, start), error);
    throw error;
  }
  throw new Error(`the two parsers disagree on ${JSON.stringify(text)}`);
}

/** The number of the line, from 1, in which the offset is. */
function lineAt(bytes: Uint8Array, offset: number): number {
  let line = 1;
  for (let at = 0; at < offset; at++) if (bytes[at] === NEWLINE) line++;
  return line;
}

function decode(bytes: Uint8Array, start: number, end: number): string {
  return new TextDecoder().decode(bytes.subarray(start, end));
}
