import { type Family, parseIpv4, width } from './address.ts';
import {
  addPowerOfTwo,
  compareWords,
  highestDifference,
  readValue,
  trailingZeros,
  type WordCount,
  wordCount,
  writeValue,
} from './address-words.ts';
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
import { Ipv4Ranges } from './ipv4-ranges.ts';
import { Ipv6Ranges } from './ipv6-ranges.ts';
import { lastAddress, type Prefix } from './prefix.ts';
import { PrefixText } from './prefix-text.ts';

/** A closed range of addresses of one family. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

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
    if (family === 4) {
      const ranges = new Ipv4Ranges();
      for (const prefix of prefixes) {
        if (prefix.family !== 4) throw new TypeError('a prefix of the other family');
        const first = Number(prefix.first);
        ranges.add(first, first + 2 ** (32 - prefix.length) - 1);
      }
      return new AddressSet(4, ranges.toFlips());
    }
    const ranges = new Ipv6Ranges();
    const words = new Uint32Array(4);
    for (const prefix of prefixes) {
      if (prefix.family !== 6) throw new TypeError('a prefix of the other family');
      writeValue(words, 0, 4, prefix.first);
      ranges.addPrefix(words, 0, prefix.length);
    }
    return new AddressSet(6, ranges.toFlips());
  }

  /**
   * The set of all addresses in the ranges, which may overlap and stand in any order.
   * @throws RangeError for a range that is out of order or outside the address space
   */
  static fromRanges(family: Family, ranges: Iterable<AddressRange>): AddressSet {
    const bits = BigInt(width(family));
    const collected = family === 4 ? new Ipv4Ranges() : new Ipv6Ranges();
    for (const { first, last } of ranges) {
      if (first < 0n || last < first || last >> bits !== 0n)
        throw new RangeError('a range must be ordered and inside the address space');
      if (collected instanceof Ipv4Ranges) collected.add(Number(first), Number(last));
      else collected.add(first, last);
    }
    return new AddressSet(family, collected.toFlips());
  }

  /** The set of the ranges that were collected in a buffer. */
  static fromCollected(ranges: Ipv4Ranges | Ipv6Ranges): AddressSet {
    return new AddressSet(ranges instanceof Ipv4Ranges ? 4 : 6, ranges.toFlips());
  }

  /** The union of any number of sets of one family. */
  static union(family: Family, sets: readonly AddressSet[]): AddressSet {
    // Pairs, then pairs of pairs: each flip is moved log(sets) times, not once per set.
    let layer = sets;
    if (layer.length === 0) return AddressSet.empty(family);
    while (layer.length > 1)
      layer = Array.from({ length: Math.ceil(layer.length / 2) }, (_, i) => {
        const right = layer[2 * i + 1];
        return right === undefined ? layer[2 * i]! : layer[2 * i]!.union(right);
      });
    if (layer[0]!.family !== family) throw new TypeError('sets of different families');
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
    const prefixes: Prefix[] = [];
    this.#eachPrefix((address, length) =>
      prefixes.push({ family: this.family, first: readValue(address, 0, this.#words), length }),
    );
    return prefixes;
  }

  /** How many prefixes the exact cover has. */
  get coverCount(): number {
    let count = 0;
    this.#eachPrefix(() => count++);
    return count;
  }

  /** The exact cover as text, a prefix each. */
  coverTexts(): string[] {
    // One decoding and one split are faster than a string built from parts for each prefix.
    return this.isEmpty ? [] : new TextDecoder().decode(this.coverBytes()).trimEnd().split('\n');
  }

  /** The exact cover as text, a prefix a line, each line ended by a newline. */
  coverBytes(): Uint8Array {
    // Bytes in one growing buffer: joining ten million strings costs four times the rest of the work.
    const text = new PrefixText(this.#words === 1 ? 10 * this.#flips.length : 4 * this.#flips.length);
    this.#eachPrefix(
      this.#words === 1
        ? (address, length) => text.addIpv4(address[0]!, length)
        : (address, length) => text.addIpv6(address, 0, length),
    );
    return text.bytes();
  }

  /**
   * Walks the exact cover; the address is only valid during the call.
   *
   * From an address `a` up to the end `e` of its range, the largest aligned block has 2^b addresses, where
   * b is the number of zero bits at the end of `a`, or, if that is less, the highest bit in which `a` and
   * `e` differ: there `a` has 0 and `e` has 1, so that `a` rounded up to that bit is at most `e`.
   */
  #eachPrefix(visit: (address: Uint32Array, length: number) => void): void {
    const words = this.#words;
    const flips = this.#flips;
    if (words === 1) {
      eachIpv4Prefix(flips, visit);
      return;
    }
    const bits = 32 * words;
    const address = new Uint32Array(words);
    for (let at = 0; at < flips.length; at += 2 * words) {
      const end = at + words;
      for (let k = 0; k < words; k++) address[k] = flips[at + k]!;
      let more = true;
      while (more) {
        let hostBits = trailingZeros(address, 0, words);
        if (end < flips.length)
          hostBits = Math.min(hostBits, highestDifference(address, 0, flips, end, words));
        visit(address, bits - hostBits);
        more =
          addPowerOfTwo(address, 0, words, hostBits) &&
          (end >= flips.length || compareWords(address, 0, flips, end, words) < 0);
      }
    }
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

/** The same for IPv4, where a single number does for an address: a third of the time. */
function eachIpv4Prefix(flips: Flips, visit: (address: Uint32Array, length: number) => void): void {
  const address = new Uint32Array(1);
  for (let at = 0; at < flips.length; at += 2) {
    let first = flips[at]!;
    const end = at + 1 < flips.length ? flips[at + 1]! : 2 ** 32;
    while (first < end) {
      // The bits of 2^32 are those of 0: with nothing above the address, only its own low bits count.
      const low = first === 0 ? 32 : 31 - Math.clz32(first & -first);
      const high = end === 2 ** 32 ? 32 : 31 - Math.clz32(first ^ end);
      const hostBits = low < high ? low : high;
      address[0] = first;
      visit(address, 32 - hostBits);
      first += 2 ** hostBits;
    }
  }
}
