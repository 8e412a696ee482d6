import type { Family } from './address.ts';
import type { AddressSet } from './address-set.ts';
import { type WordCount, wordCount, writeValue } from './address-words.ts';
import { sortedRecords } from './bulk.ts';
import type { DualStackSet } from './dual-stack-set.ts';
import { flipsUpTo } from './flips.ts';
import { Ipv4Index } from './ipv4-index.ts';
import { compareWords, copyWords } from './portable/words.ts';
import { lastAddress, type Prefix } from './prefix.ts';

/**
 * From an address or a prefix to the labels (service tags, rules) of the sets that contain it, narrowest
 * first: a label whose set has fewer addresses of the family stands before one with more, and of equals
 * the one that was given first. Built once, it answers millions of questions a second.
 */
export class ReverseIndex<T> {
  readonly #ipv4: FamilyIndex<T>;
  readonly #ipv6: FamilyIndex<T>;

  constructor(sets: Iterable<readonly [label: T, addresses: DualStackSet]>) {
    const all = [...sets];
    this.#ipv4 = new FamilyIndex(
      4,
      all.map(([label, { ipv4 }]) => [label, ipv4]),
    );
    this.#ipv6 = new FamilyIndex(
      6,
      all.map(([label, { ipv6 }]) => [label, ipv6]),
    );
  }

  /** The labels of the sets that contain the address. */
  ofAddress(family: Family, value: bigint): readonly T[] {
    return (family === 4 ? this.#ipv4 : this.#ipv6).ofAddress(value);
  }

  /** Like `ofAddress`, for an IPv4 address as an unsigned 32-bit number: the fast way. */
  ofIpv4(value: number): readonly T[] {
    return this.#ipv4.ofIpv4(value);
  }

  /** The labels of the sets that contain every address of the prefix. */
  ofPrefix(prefix: Prefix): readonly T[] {
    return (prefix.family === 4 ? this.#ipv4 : this.#ipv6).ofPrefix(prefix);
  }
}

/**
 * One family: the space cut into segments wherever any set's membership flips. All addresses of a segment
 * have the same labels, and few different lists of labels occur, so that each list is held once.
 */
class FamilyIndex<T> {
  readonly #words: WordCount;
  /** First address of each segment but the one before all sets, which has no labels. */
  readonly #starts: Uint32Array;
  /** For each of them, which list. */
  readonly #lists: Uint32Array;
  /** Lists of ranks, ascending, and the same as labels. The first is empty. */
  readonly #ranks: readonly (readonly number[])[];
  readonly #labels: readonly (readonly T[])[];
  readonly #narrowest: readonly T[];
  readonly #ipv4: Ipv4Index;

  constructor(family: Family, sets: readonly (readonly [label: T, addresses: AddressSet])[]) {
    const words = wordCount(family);
    const sorted = sets
      .map(([label, addresses]) => ({ label, addresses, size: addresses.size }))
      .sort((a, b) => Number(a.size > b.size) - Number(a.size < b.size));
    this.#narrowest = sorted.map(({ label }) => label);

    const events = sorted.reduce((sum, { addresses }) => sum + addresses.flips.length, 0) / words;
    // An event: the address, and the rank of the set of which membership flips there.
    const stride = words + 1;
    const unsorted = new Uint32Array(events * stride);
    let filled = 0;
    for (const [rank, { addresses: set }] of sorted.entries())
      for (let at = 0; at < set.flips.length; at += words) {
        copyWords(set.flips, at, unsorted, filled, words);
        unsorted[filled + words] = rank;
        filled += stride;
      }
    const flips = sortedRecords(unsorted, stride, words);

    const starts = new Uint32Array(events * words);
    const lists = new Uint32Array(events);
    const interned = new InternedLists();
    let count = 0;
    let current = 0;
    for (let i = 0; i < flips.length; ) {
      const at = i;
      do {
        interned.toggle(flips[i + words]!);
        i += stride;
      } while (i < flips.length && compareWords(flips, i, flips, at, words) === 0);
      const list = interned.current();
      if (list === current) continue;
      copyWords(flips, at, starts, count * words, words);
      lists[count++] = list;
      current = list;
    }
    this.#words = words;
    this.#starts = starts.slice(0, count * words);
    this.#lists = lists.slice(0, count);
    this.#ranks = interned.lists;
    this.#labels = interned.lists.map((ranks) => this.#toLabels(ranks));
    this.#ipv4 = new Ipv4Index(family === 4 ? this.#starts : new Uint32Array(0));
  }

  ofIpv4(value: number): readonly T[] {
    return this.#labels[this.#listBefore(this.#ipv4.flipsUpTo(value))]!;
  }

  ofAddress(value: bigint): readonly T[] {
    return this.#labels[this.#listBefore(this.#segmentsUpTo(value))]!;
  }

  ofPrefix(prefix: Prefix): readonly T[] {
    const first = this.#segmentsUpTo(prefix.first);
    const last = this.#segmentsUpTo(lastAddress(prefix));
    if (first === last) return this.#labels[this.#listBefore(first)]!;
    let common = this.#ranks[this.#listBefore(first)]!;
    for (let segment = first + 1; segment <= last && common.length > 0; segment++) {
      const here = this.#ranks[this.#listBefore(segment)]!;
      common = common.filter((rank) => here.includes(rank));
    }
    return this.#toLabels(common);
  }

  #segmentsUpTo(value: bigint): number {
    const address = new Uint32Array(this.#words);
    writeValue(address, 0, this.#words, value);
    return flipsUpTo(this.#starts, this.#words, address, 0);
  }

  #listBefore(segments: number): number {
    return segments === 0 ? 0 : this.#lists[segments - 1]!;
  }

  #toLabels(ranks: readonly number[]): readonly T[] {
    return ranks.map((rank) => this.#narrowest[rank]!);
  }
}

/** A changing list of ranks, and each state it has been in once. */
class InternedLists {
  readonly lists: (readonly number[])[] = [[]];
  readonly #byHash = new Map<number, number[]>([[0, [0]]]);
  readonly #active: number[] = [];
  #hash = 0;

  /** Puts the rank in, or takes it out. */
  toggle(rank: number): void {
    let at = this.#active.length;
    while (at > 0 && this.#active[at - 1]! >= rank) at--;
    if (this.#active[at] === rank) this.#active.splice(at, 1);
    else this.#active.splice(at, 0, rank);
    // Exclusive or of a scrambled number per rank: the same for the same ranks, whatever the history.
    this.#hash ^= scramble(rank);
  }

  /** The number of the list of what is in now. */
  current(): number {
    const candidates = this.#byHash.get(this.#hash);
    const known = candidates?.find((list) => sameList(this.lists[list]!, this.#active));
    if (known !== undefined) return known;
    const list = this.lists.push([...this.#active]) - 1;
    if (candidates === undefined) this.#byHash.set(this.#hash, [list]);
    else candidates.push(list);
    return list;
  }
}

/** Spreads a small number over 32 bits (the finaliser of MurmurHash3). */
function scramble(rank: number): number {
  let bits = rank + 0x9e3779b9;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((rank, i) => rank === b[i]);
}
