import { type Family, width } from './address.ts';
import { lastAddress, type Prefix } from './prefix.ts';

/** A closed range of addresses of one family. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** An immutable set of addresses of one family: sorted, disjoint, non-adjacent closed ranges. */
export class AddressSet {
  readonly family: Family;
  readonly #ranges: readonly AddressRange[];

  private constructor(family: Family, ranges: readonly AddressRange[]) {
    this.family = family;
    this.#ranges = ranges;
  }

  static empty(family: Family): AddressSet {
    return new AddressSet(family, []);
  }

  static fromPrefixes(family: Family, prefixes: Iterable<Prefix>): AddressSet {
    const ranges: AddressRange[] = [];
    for (const prefix of prefixes) {
      if (prefix.family !== family) throw new TypeError('a prefix of the other family');
      ranges.push({ first: prefix.first, last: lastAddress(prefix) });
    }
    return AddressSet.fromRanges(family, ranges);
  }

  /** The set of all addresses in the ranges, which may overlap and stand in any order. */
  static fromRanges(family: Family, ranges: Iterable<AddressRange>): AddressSet {
    const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
    const merged: { first: bigint; last: bigint }[] = [];
    for (const { first, last } of sorted) {
      if (first < 0n || last < first || last >> BigInt(width(family)) !== 0n)
        throw new RangeError('a range must be ordered and inside the address space');
      const previous = merged.at(-1);
      if (previous !== undefined && first <= previous.last + 1n) {
        if (last > previous.last) previous.last = last;
      } else merged.push({ first, last });
    }
    return new AddressSet(family, merged);
  }

  /** How many addresses are in the set. */
  get size(): bigint {
    let size = 0n;
    for (const { first, last } of this.#ranges) size += last - first + 1n;
    return size;
  }

  get rangeCount(): number {
    return this.#ranges.length;
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  ranges(): IterableIterator<AddressRange> {
    return this.#ranges.values();
  }

  contains(value: bigint): boolean {
    return this.containsRange({ first: value, last: value });
  }

  /** Whether every address of the range is in the set. */
  containsRange({ first, last }: AddressRange): boolean {
    let low = 0;
    let high = this.#ranges.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle]!;
      if (range.last < first) low = middle + 1;
      else if (range.first > first) high = middle - 1;
      else return last <= range.last;
    }
    return false;
  }

  containsPrefix(prefix: Prefix): boolean {
    return (
      prefix.family === this.family && this.containsRange({ first: prefix.first, last: lastAddress(prefix) })
    );
  }

  isSupersetOf(other: AddressSet): boolean {
    return other.difference(this).isEmpty;
  }

  intersects(other: AddressSet): boolean {
    return !this.intersection(other).isEmpty;
  }

  equals(other: AddressSet): boolean {
    return this.symmetricDifference(other).isEmpty;
  }

  union(other: AddressSet): AddressSet {
    this.#sameFamily(other);
    return AddressSet.fromRanges(this.family, [...this.#ranges, ...other.#ranges]);
  }

  intersection(other: AddressSet): AddressSet {
    this.#sameFamily(other);
    const result: AddressRange[] = [];
    let i = 0;
    let j = 0;
    while (i < this.#ranges.length && j < other.#ranges.length) {
      const a = this.#ranges[i]!;
      const b = other.#ranges[j]!;
      const first = a.first > b.first ? a.first : b.first;
      const last = a.last < b.last ? a.last : b.last;
      if (first <= last) result.push({ first, last });
      if (a.last < b.last) i++;
      else j++;
    }
    return new AddressSet(this.family, result);
  }

  difference(other: AddressSet): AddressSet {
    return this.intersection(other.complement());
  }

  symmetricDifference(other: AddressSet): AddressSet {
    return this.difference(other).union(other.difference(this));
  }

  /** The addresses of the family, or of `within`, that are not in the set. */
  complement(within: Prefix = { family: this.family, first: 0n, length: 0 }): AddressSet {
    const bound = { first: within.first, last: lastAddress(within) };
    const result: AddressRange[] = [];
    let next = bound.first;
    for (const { first, last } of this.#ranges) {
      if (last < bound.first) continue;
      if (first > bound.last) break;
      if (first > next) result.push({ first: next, last: first - 1n });
      next = last + 1n;
    }
    if (next <= bound.last) result.push({ first: next, last: bound.last });
    return new AddressSet(this.family, result);
  }

  /** The exact cover: the fewest prefixes with exactly these addresses, in numeric order. */
  cover(): Prefix[] {
    const prefixes: Prefix[] = [];
    const bits = width(this.family);
    for (const range of this.#ranges) {
      let { first } = range;
      while (first <= range.last) {
        let host = 0;
        while (host < bits) {
          const size = 1n << BigInt(host + 1);
          if (first % size !== 0n || first + size - 1n > range.last) break;
          host++;
        }
        prefixes.push({ family: this.family, first, length: bits - host });
        first += 1n << BigInt(host);
      }
    }
    return prefixes;
  }

  #sameFamily(other: AddressSet): void {
    if (other.family !== this.family) throw new TypeError('sets of different families');
  }
}
