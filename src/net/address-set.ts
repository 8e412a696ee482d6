import { type Family, parseIpv4, width } from './address.ts';
import { readValue, type WordCount, wordCount, writeValue } from './address-words.ts';
import { coverCountOf, coverOf, coverTextOf, flipsOfRanges } from './bulk.ts';
import {
  combineFlips,
  DIFFERENCE,
  equalFlips,
  type Flips,
  flipsUpTo,
  INTERSECTION,
  type Operation,
  SYMMETRIC_DIFFERENCE,
  UNION,
} from './flips.ts';
import { Ipv4Index } from './ipv4-index.ts';
import { lastAddress, type Prefix } from './prefix.ts';
import { RangeBuffer } from './range-buffer.ts';

/** A closed range of addresses of one family. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** From so many sets on, sorting the ranges of all is quicker than merging pairs. */
const SORTED_TOGETHER = 16;

/**
 * An immutable set of addresses of one family: sorted, disjoint, non-adjacent ranges, held as flips.
 * Building takes O(n log n), each operation on two sets O(n + m), a look-up O(log n).
 */
export class AddressSet {
  readonly family: Family;
  readonly #words: WordCount;
  readonly #flips: Flips;
  /** Made at the first numeric look-up. */
  #index: Ipv4Index | undefined;

  private constructor(family: Family, flips: Flips) {
    this.family = family;
    this.#words = wordCount(family);
    this.#flips = flips;
  }

  static empty(family: Family): AddressSet {
    return new AddressSet(family, new Uint32Array(0));
  }

  /** All addresses of the family. */
  static all(family: Family): AddressSet {
    return new AddressSet(family, new Uint32Array(wordCount(family)));
  }

  /** @throws TypeError for a prefix of the other family */
  static fromPrefixes(family: Family, prefixes: Iterable<Prefix>): AddressSet {
    const ranges = new RangeBuffer(wordCount(family));
    for (const prefix of prefixes) {
      if (prefix.family !== family) throw new TypeError('a prefix of the other family');
      ranges.addPrefix(prefix);
    }
    return new AddressSet(family, ranges.toFlips());
  }

  /**
   * The set of all addresses in the ranges, which may overlap and stand in any order.
   * @throws RangeError for a range that is out of order or outside the address space
   */
  static fromRanges(family: Family, ranges: Iterable<AddressRange>): AddressSet {
    const bits = BigInt(width(family));
    const collected = new RangeBuffer(wordCount(family));
    for (const { first, last } of ranges) {
      if (first < 0n || last < first || last >> bits !== 0n)
        throw new RangeError('a range must be ordered and inside the address space');
      collected.add(first, last);
    }
    return new AddressSet(family, collected.toFlips());
  }

  /** The set of ranges in words, a first and a last address each; for other code of the kernel. */
  static fromRangeWords(family: Family, ranges: Uint32Array): AddressSet {
    return ranges.length === 0
      ? AddressSet.empty(family)
      : new AddressSet(family, flipsOfRanges(ranges, wordCount(family)));
  }

  /** The set of flips, taken over as they are; for other code of the kernel. */
  static fromFlips(family: Family, flips: Flips): AddressSet {
    return new AddressSet(family, flips);
  }

  /** The union of any number of sets of one family. */
  static union(family: Family, sets: readonly AddressSet[]): AddressSet {
    if (sets.some((set) => set.family !== family)) throw new TypeError('sets of different families');
    if (sets.length > SORTED_TOGETHER) {
      const ranges = new RangeBuffer(wordCount(family));
      for (const set of sets) ranges.addFlips(set.#flips);
      return new AddressSet(family, ranges.toFlips());
    }
    // Pairs, then pairs of pairs: each flip is moved log(sets) times, not once per set.
    let layer = sets;
    if (layer.length === 0) return AddressSet.empty(family);
    while (layer.length > 1)
      layer = Array.from({ length: Math.ceil(layer.length / 2) }, (_, i) => {
        const right = layer[2 * i + 1];
        return right === undefined ? layer[2 * i]! : layer[2 * i]!.union(right);
      });
    return layer[0]!;
  }

  /** How many addresses are in the set. */
  get size(): bigint {
    const words = this.#words;
    let size = 0n;
    for (let at = 0; at < this.#flips.length; at += 2 * words)
      size += this.#endAfter(at) - readValue(this.#flips, at, words);
    return size;
  }

  get rangeCount(): number {
    return Math.ceil(this.#flips.length / (2 * this.#words));
  }

  get isEmpty(): boolean {
    return this.#flips.length === 0;
  }

  /** The set's own array, for other pure code of the kernel; never to be written to. */
  get flips(): Flips {
    return this.#flips;
  }

  *ranges(): IterableIterator<AddressRange> {
    for (let at = 0; at < this.#flips.length; at += 2 * this.#words)
      yield { first: readValue(this.#flips, at, this.#words), last: this.#endAfter(at) - 1n };
  }

  contains(value: bigint): boolean {
    return this.containsRange({ first: value, last: value });
  }

  /** Whether every address of the range is in the set. */
  containsRange({ first, last }: AddressRange): boolean {
    if (first < 0n || last < first || last >> BigInt(width(this.family)) !== 0n) return false;
    const bounds = new Uint32Array(2 * this.#words);
    writeValue(bounds, 0, this.#words, first);
    writeValue(bounds, this.#words, this.#words, last);
    const flips = flipsUpTo(this.#flips, this.#words, bounds, 0);
    return flips % 2 === 1 && flipsUpTo(this.#flips, this.#words, bounds, this.#words) === flips;
  }

  containsPrefix(prefix: Prefix): boolean {
    return (
      prefix.family === this.family && this.containsRange({ first: prefix.first, last: lastAddress(prefix) })
    );
  }

  /**
   * Whether the IPv4 address, an unsigned 32-bit number, is in the set: the fast way to ask, millions of
   * times a second. A set of IPv6 addresses contains none.
   */
  containsIpv4(value: number): boolean {
    if (this.#index === undefined)
      this.#index = new Ipv4Index(this.family === 4 ? this.#flips : new Uint32Array(0));
    return this.#index.flipsUpTo(value) % 2 === 1;
  }

  /** Like `containsIpv4`, for a dotted quad. @throws AddressSyntaxError */
  containsIpv4Text(text: string): boolean {
    return this.containsIpv4(parseIpv4(text));
  }

  /** The highest address of the set that is not above the value. */
  nearestAtOrBelow(value: bigint): bigint | undefined {
    const at = this.#flipsUpTo(value) * this.#words;
    if (at === 0) return undefined;
    if ((at / this.#words) % 2 === 1) return value;
    return readValue(this.#flips, at - this.#words, this.#words) - 1n;
  }

  /** The lowest address of the set that is not below the value. */
  nearestAtOrAbove(value: bigint): bigint | undefined {
    const at = this.#flipsUpTo(value) * this.#words;
    if ((at / this.#words) % 2 === 1) return value;
    return at === this.#flips.length ? undefined : readValue(this.#flips, at, this.#words);
  }

  isSupersetOf(other: AddressSet): boolean {
    return other.difference(this).isEmpty;
  }

  intersects(other: AddressSet): boolean {
    return !this.intersection(other).isEmpty;
  }

  /** Whether both, of the same family, have the same addresses. */
  equals(other: AddressSet): boolean {
    this.#sameFamily(other);
    return equalFlips(this.#flips, other.#flips);
  }

  union(other: AddressSet): AddressSet {
    return this.#combine(other, UNION);
  }

  intersection(other: AddressSet): AddressSet {
    return this.#combine(other, INTERSECTION);
  }

  difference(other: AddressSet): AddressSet {
    return this.#combine(other, DIFFERENCE);
  }

  symmetricDifference(other: AddressSet): AddressSet {
    return this.#combine(other, SYMMETRIC_DIFFERENCE);
  }

  /** The addresses of the family, or of `within`, that are not in the set. */
  complement(within: Prefix = { family: this.family, first: 0n, length: 0 }): AddressSet {
    return AddressSet.fromPrefixes(this.family, [within]).difference(this);
  }

  /** The exact cover: the fewest prefixes with exactly these addresses, in numeric order. */
  cover(): Prefix[] {
    const words = this.#words;
    const records = coverOf(this.#flips, words);
    const prefixes: Prefix[] = [];
    for (let at = 0; at < records.length; at += words + 1)
      prefixes.push({
        family: this.family,
        first: readValue(records, at, words),
        length: records[at + words]!,
      });
    return prefixes;
  }

  /** The length of the broadest prefix of the exact cover; undefined for the empty set. */
  get shortestLength(): number | undefined {
    const words = this.#words;
    const records = coverOf(this.#flips, words);
    let shortest: number | undefined;
    for (let at = words; at < records.length; at += words + 1)
      if (shortest === undefined || records[at]! < shortest) shortest = records[at]!;
    return shortest;
  }

  /** How many prefixes the exact cover has. */
  get coverCount(): number {
    return coverCountOf(this.#flips, this.#words);
  }

  /** The exact cover as text, a prefix each. */
  coverTexts(): string[] {
    // One decoding and one split are faster than a string built from parts for each prefix.
    return this.isEmpty ? [] : new TextDecoder().decode(this.coverBytes()).trimEnd().split('\n');
  }

  /** The exact cover as text, a prefix a line, each line ended by a newline. */
  coverBytes(): Uint8Array {
    return coverTextOf(this.#flips, this.#words);
  }

  #combine(other: AddressSet, operation: Operation): AddressSet {
    this.#sameFamily(other);
    return new AddressSet(this.family, combineFlips(this.#flips, other.#flips, this.#words, operation));
  }

  /** The end, exclusive, of the range that begins at the flip. */
  #endAfter(at: number): bigint {
    const end = at + this.#words;
    return end < this.#flips.length
      ? readValue(this.#flips, end, this.#words)
      : 1n << BigInt(width(this.family));
  }

  #flipsUpTo(value: bigint): number {
    const address = new Uint32Array(this.#words);
    writeValue(address, 0, this.#words, value);
    return flipsUpTo(this.#flips, this.#words, address, 0);
  }

  #sameFamily(other: AddressSet): void {
    if (other.family !== this.family) throw new TypeError('sets of different families');
  }
}
