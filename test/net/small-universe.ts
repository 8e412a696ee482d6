import type { Family } from '../../src/net/address.ts';
import { width } from '../../src/net/address.ts';
import { type AddressRange, AddressSet } from '../../src/net/address-set.ts';
import type { Prefix } from '../../src/net/prefix.ts';
import type { Random } from './seeded.ts';

/**
 * Thirty-two blocks of equal size somewhere in an address space. A set of them is one 32-bit number, and
 * every operation on sets one of JavaScript's operators: the oracle for the fast code.
 */
export class SmallUniverse {
  readonly family: Family;
  readonly base: bigint;
  /** Each block has 2^scale addresses. */
  readonly scale: number;

  constructor(family: Family, base: bigint, scale: number) {
    this.family = family;
    this.base = base;
    this.scale = scale;
  }

  get wholeSpace(): boolean {
    return this.scale + 5 === width(this.family);
  }

  get prefix(): Prefix {
    return { family: this.family, first: this.base, length: width(this.family) - this.scale - 5 };
  }

  first(block: number): bigint {
    return this.base + (BigInt(block) << BigInt(this.scale));
  }

  last(block: number): bigint {
    return this.first(block + 1) - 1n;
  }

  runs(mask: number): AddressRange[] {
    const runs: AddressRange[] = [];
    for (let block = 0; block < 32; block++) {
      if (((mask >>> block) & 1) === 0) continue;
      const begin = block;
      while (block < 31 && ((mask >>> (block + 1)) & 1) === 1) block++;
      runs.push({ first: this.first(begin), last: this.last(block) });
    }
    return runs;
  }

  /** The fewest prefixes: a block of blocks is taken whole or not at all, or else by halves. */
  cover(mask: number): Prefix[] {
    const walk = (begin: number, log: number): Prefix[] => {
      const part = blocks(begin, 1 << log);
      if ((mask & part) === 0) return [];
      if ((mask & part) === part)
        return [
          { family: this.family, first: this.first(begin), length: width(this.family) - this.scale - log },
        ];
      return [...walk(begin, log - 1), ...walk(begin + (1 << (log - 1)), log - 1)];
    };
    return walk(0, 5);
  }

  /** The set of a mask, built in one of several ways from pieces in any order, some of them twice. */
  set(mask: number, random: Random): AddressSet {
    const way = random.below(3);
    if (way === 0) return AddressSet.fromRanges(this.family, this.runs(mask));
    const pieces: AddressRange[] = [];
    const prefixes: Prefix[] = this.cover(mask);
    if (way === 1) {
      if (prefixes.length > 0 && random.chance(2)) prefixes.push(random.pick(prefixes));
      for (let block = 0; block < 32; block++)
        if (((mask >>> block) & 1) === 1 && random.chance(4))
          prefixes.push({
            family: this.family,
            first: this.first(block),
            length: width(this.family) - this.scale,
          });
      return AddressSet.fromPrefixes(this.family, random.shuffle(prefixes));
    }
    for (const run of this.runs(mask)) {
      const cut = run.first + random.bits(this.scale);
      pieces.push({ first: run.first, last: cut }, { first: cut, last: run.last });
    }
    return AddressSet.fromRanges(this.family, random.shuffle(pieces));
  }

  /** The mask of a set, which must consist of whole blocks, merged. */
  mask(set: AddressSet): number {
    if (set.family !== this.family) throw new Error('a set of the other family');
    let mask = 0;
    let previous = -2n;
    for (const { first, last } of set.ranges()) {
      if (first <= previous + 1n) throw new Error('ranges that are not merged and sorted');
      previous = last;
      const begin = Number((first - this.base) >> BigInt(this.scale));
      const end = Number((last - this.base) >> BigInt(this.scale));
      if (begin < 0 || end > 31 || this.first(begin) !== first || this.last(end) !== last)
        throw new Error('a range that is not made of whole blocks');
      mask |= blocks(begin, end - begin + 1);
    }
    return mask >>> 0;
  }
}

function blocks(begin: number, count: number): number {
  return count === 32 ? -1 : ((1 << count) - 1) << begin;
}

/** Masks of all sorts: sparse, dense, few long runs, empty, full. */
export function randomMask(random: Random): number {
  const word = random.word();
  switch (random.below(8)) {
    case 0:
      return 0;
    case 1:
      return 0xffffffff;
    case 2:
      return word;
    case 3:
      return (word & random.word() & random.word()) >>> 0;
    case 4:
      return (word | random.word() | random.word()) >>> 0;
    case 5:
      return blocks(random.below(32), 1 + random.below(31)) >>> 0;
    default: {
      let mask = 0;
      for (let run = random.below(4); run >= 0; run--) mask ^= blocks(random.below(32), 1 + random.below(12));
      return mask >>> 0;
    }
  }
}

/** At both ends, in the middle, across the boundaries of the 32-bit words, and the whole space. */
export const IPV4_UNIVERSES = [
  new SmallUniverse(4, 0n, 0),
  new SmallUniverse(4, 2n ** 32n - 32n, 0),
  new SmallUniverse(4, 2n ** 31n, 7),
  new SmallUniverse(4, 0xc0000200n, 3),
  new SmallUniverse(4, 0n, 27),
] as const;
export const IPV6_UNIVERSES = [
  new SmallUniverse(6, 0n, 0),
  new SmallUniverse(6, 2n ** 128n - 32n, 0),
  new SmallUniverse(6, 0x20010db8n << 96n, 30),
  new SmallUniverse(6, 0x20010db8ffffffffn << 64n, 59),
  new SmallUniverse(6, 0x20010db8n << 96n, 61),
  new SmallUniverse(6, 2n ** 128n - 2n ** 101n, 94),
  new SmallUniverse(6, 0n, 123),
] as const;
