import type { WordCount } from './address-words.ts';
import type { Flips } from './flips.ts';
import { inQuickerForm, type KernelForm } from './kernel-form.ts';
import { LONGEST_TEXT } from './portable/prefix-reader.ts';
import { LONGEST_IPV4_LINE, LONGEST_IPV6_LINE } from './portable/prefix-writer.ts';
import {
  IN_ARRAY,
  IPV4_COUNT,
  IPV6_COUNT,
  SHORTEST_IPV4_LINE,
  SHORTEST_IPV6_LINE,
  STATE_WORDS,
} from './portable/range-list.ts';
import { PLACES } from './portable/record-sort.ts';

/** Whole lists at once: text → ranges → flips → the exact cover → text, each step one call of a portable function. */

/** The addresses of a list of prefixes. */
export interface FlipsOfBoth {
  readonly ipv4: Flips;
  readonly ipv6: Flips;
}

/** Reads a prefix a line; a number is the offset of the first line that is none. */
export function flipsOfLines(text: Uint8Array): FlipsOfBoth | number {
  return inQuickerForm(text.length, (form) => {
    const list = new ListReader(form, text, LONGEST_TEXT + 2);
    return list.read((...part) => form.call.readLines(...part)) ?? list.flips();
  });
}

/**
 * Reads the JSON arrays of prefixes that follow a key, wherever it stands; a number is the offset of the first
 * string that is none, or of the end of a text that ends inside an array.
 */
export function flipsOfArrays(text: Uint8Array, key: string): FlipsOfBoth | number {
  const quoted = new TextEncoder().encode(JSON.stringify(key));
  return inQuickerForm(text.length, (form) => {
    const keyBytes = form.bytes(quoted.length);
    form.viewBytes(keyBytes, quoted.length).set(quoted);
    const list = new ListReader(form, text, Math.max(LONGEST_TEXT + 2, quoted.length));
    const failed = list.read((bytes, length, limit, ...ranges) =>
      form.call.readArrays(bytes, length, limit, keyBytes, quoted.length, ...ranges),
    );
    return failed ?? (list.isInArray ? text.length : list.flips());
  });
}

/** So much of a text is brought in at once: enough to be quick, and little enough to stay in the cache. */
const PART = 2 ** 17;

/** Reads a text into ranges, part by part. */
class ListReader<Bytes, Words> {
  readonly #form: KernelForm<Bytes, Words>;
  readonly #text: Uint8Array;
  /** The longest thing that has to stand in one part. */
  readonly #longest: number;
  readonly #state: Words;
  #ipv4: Words;
  #ipv6: Words;
  #ipv4Room = 0;
  #ipv6Room = 0;

  constructor(form: KernelForm<Bytes, Words>, text: Uint8Array, longest: number) {
    this.#form = form;
    this.#text = text;
    this.#longest = longest;
    this.#state = form.words(STATE_WORDS);
    form.viewWords(this.#state, STATE_WORDS).fill(0);
    this.#ipv4 = form.words(0);
    this.#ipv6 = form.words(0);
  }

  /** Reads the whole text; a number is the offset at which it failed. */
  read(
    readPart: (bytes: Bytes, length: number, limit: number, ipv4: Words, ipv6: Words, state: Words) => number,
  ): number | undefined {
    const form = this.#form;
    const text = this.#text;
    // A byte beyond the end, which no prefix goes over.
    const partLength = Math.max(PART, 2 * this.#longest);
    const bytes = form.bytes(Math.min(partLength, text.length) + 1);
    for (let at = 0; at < text.length; ) {
      const part = text.subarray(at, at + partLength);
      const { length } = part;
      this.#makeRoom(length);
      const view = form.viewBytes(bytes, length + 1);
      view.set(part);
      view[length] = 0;
      const limit = at + length === text.length ? length : length - this.#longest;
      const end = readPart(bytes, length, limit, this.#ipv4, this.#ipv6, this.#state);
      if (end < 0) return at - 1 - end;
      at += end;
    }
    return undefined;
  }

  get isInArray(): boolean {
    return this.#stateAt(IN_ARRAY) !== 0;
  }

  /** What was read of one family, in its order. */
  ranges(words: WordCount): Uint32Array {
    const [ranges, count] =
      words === 1 ? [this.#ipv4, this.#stateAt(IPV4_COUNT)] : [this.#ipv6, this.#stateAt(IPV6_COUNT)];
    return this.#form.viewWords(ranges, 2 * words * count).slice();
  }

  flips(): FlipsOfBoth {
    return {
      ipv4: mergeRanges(this.#form, this.#ipv4, this.#stateAt(IPV4_COUNT), 1),
      ipv6: mergeRanges(this.#form, this.#ipv6, this.#stateAt(IPV6_COUNT), 4),
    };
  }

  /** Makes room for the most ranges that so many bytes can hold. */
  #makeRoom(bytes: number): void {
    const ipv4 = this.#stateAt(IPV4_COUNT);
    const ipv6 = this.#stateAt(IPV6_COUNT);
    const ipv4Needed = ipv4 + Math.ceil(bytes / SHORTEST_IPV4_LINE) + 1;
    const ipv6Needed = ipv6 + Math.ceil(bytes / SHORTEST_IPV6_LINE) + 1;
    if (ipv4Needed > this.#ipv4Room) {
      this.#ipv4Room = Math.max(ipv4Needed, 2 * this.#ipv4Room);
      this.#ipv4 = this.#larger(this.#ipv4, 2 * ipv4, 2 * this.#ipv4Room);
    }
    if (ipv6Needed > this.#ipv6Room) {
      this.#ipv6Room = Math.max(ipv6Needed, 2 * this.#ipv6Room);
      this.#ipv6 = this.#larger(this.#ipv6, 8 * ipv6, 8 * this.#ipv6Room);
    }
  }

  #larger(words: Words, used: number, room: number): Words {
    const larger = this.#form.words(room);
    this.#form.viewWords(larger, used).set(this.#form.viewWords(words, used));
    return larger;
  }

  #stateAt(word: number): number {
    return this.#form.viewWords(this.#state, STATE_WORDS)[word]!;
  }
}

/**
 * Reads canonical prefixes of one family, one a line, each line ended by a newline, as ranges in their order: a first and
 * a last address each. Undefined where any line is anything else: another spelling, a prefix of the other family, blank.
 */
export function rangesOfCanonicalLines(text: Uint8Array, words: WordCount): Uint32Array | undefined {
  return inQuickerForm(text.length, (form) => {
    const list = new ListReader(form, text, LONGEST_TEXT + 2);
    if (list.read((...part) => form.call.readLines(...part)) !== undefined) return undefined;
    const ranges = list.ranges(words);
    // Written again, they are the text to the byte, or some line was no canonical prefix of the family.
    const records = prefixesOfRanges(ranges, words);
    const count = records.length / (words + 1);
    const prefixes = bringIn(form, records);
    const written = form.bytes(count * (words === 1 ? LONGEST_IPV4_LINE : LONGEST_IPV6_LINE));
    const length =
      words === 1
        ? form.call.writeIpv4Lines(prefixes, count, written, 0)
        : form.call.writeIpv6Lines(prefixes, count, written, 0);
    return length === text.length && Buffer.compare(form.viewBytes(written, length), text) === 0
      ? ranges
      : undefined;
  });
}

/** Ranges that are prefixes each, as an address and a length each. */
function prefixesOfRanges(ranges: Uint32Array, words: WordCount): Uint32Array {
  const prefixes = new Uint32Array((ranges.length / (2 * words)) * (words + 1));
  for (let at = 0, to = 0; at < ranges.length; at += 2 * words, to += words + 1) {
    let length = 0;
    for (let k = 0; k < words; k++) {
      const first = ranges[at + k]!;
      prefixes[to + k] = first;
      // What is left of the prefix in this word: all of it, down to where first and last address differ.
      if (length === 32 * k) length += Math.clz32(first ^ ranges[at + words + k]!);
    }
    prefixes[to + words] = length;
  }
  return prefixes;
}

/** Ranges in any order, each a first and a last address, as flips. */
export function flipsOfRanges(ranges: Uint32Array, words: WordCount): Flips {
  return inQuickerForm(ranges.byteLength, (form) =>
    mergeRanges(form, bringIn(form, ranges), ranges.length / (2 * words), words),
  );
}

function mergeRanges<Bytes, Words>(
  form: KernelForm<Bytes, Words>,
  ranges: Words,
  count: number,
  words: WordCount,
): Flips {
  const sorted = sort(form, ranges, count, 2 * words, words);
  const flips = words === 1 ? form.call.mergeIpv4(sorted, count) : form.call.mergeIpv6(sorted, count);
  return form.viewWords(sorted, flips * words).slice();
}

/** Records of so many words, `stride`, by the addresses that they begin with; equal ones stay in their order. */
export function sortedRecords(records: Uint32Array, stride: number, words: WordCount): Uint32Array {
  return inQuickerForm(records.byteLength, (form) => {
    const sorted = sort(form, bringIn(form, records), records.length / stride, stride, words);
    return form.viewWords(sorted, records.length).slice();
  });
}

function sort<Bytes, Words>(
  form: KernelForm<Bytes, Words>,
  records: Words,
  count: number,
  stride: number,
  words: WordCount,
): Words {
  if (form.call.areSorted(records, count, stride, words)) return records;
  const spare = form.words(count * stride);
  const places = form.words(PLACES);
  return form.call.sortRecords(records, spare, places, count, stride, words) ? spare : records;
}

/** How many prefixes the exact cover has. */
export function coverCountOf(flips: Flips, words: WordCount): number {
  return inQuickerForm(flips.byteLength, (form) => countCover(form, bringIn(form, flips), flips, words));
}

/** The exact cover: for each prefix its address and its length. */
export function coverOf(flips: Flips, words: WordCount): Uint32Array {
  return inQuickerForm(flips.byteLength, (form) => {
    const { prefixes, count } = makeCover(form, flips, words);
    return form.viewWords(prefixes, count * (words + 1)).slice();
  });
}

/** The exact cover as text, a prefix a line, each line ended by a newline. */
export function coverTextOf(flips: Flips, words: WordCount): Uint8Array {
  return inQuickerForm(flips.byteLength, (form) => {
    const { prefixes, count } = makeCover(form, flips, words);
    const text = form.bytes(count * (words === 1 ? LONGEST_IPV4_LINE : LONGEST_IPV6_LINE));
    const length =
      words === 1
        ? form.call.writeIpv4Lines(prefixes, count, text, 0)
        : form.call.writeIpv6Lines(prefixes, count, text, 0);
    return form.viewBytes(text, length).slice();
  });
}

function makeCover<Bytes, Words>(
  form: KernelForm<Bytes, Words>,
  flips: Flips,
  words: WordCount,
): { prefixes: Words; count: number } {
  const source = bringIn(form, flips);
  const count = countCover(form, source, flips, words);
  // Room for one more: where the next prefix is sought.
  const prefixes = form.words((count + 1) * (words + 1));
  if (words === 1) form.call.ipv4Cover(source, flips.length, prefixes);
  else form.call.ipv6Cover(source, flips.length / words, prefixes);
  return { prefixes, count };
}

function countCover<Bytes, Words>(
  form: KernelForm<Bytes, Words>,
  source: Words,
  flips: Flips,
  words: WordCount,
): number {
  const scratch = form.words(words + 1);
  return words === 1
    ? form.call.countIpv4Cover(source, flips.length, scratch)
    : form.call.countIpv6Cover(source, flips.length / words, scratch);
}

function bringIn<Bytes, Words>(form: KernelForm<Bytes, Words>, content: Uint32Array): Words {
  const at = form.words(content.length);
  form.viewWords(at, content.length).set(content);
  return at;
}
