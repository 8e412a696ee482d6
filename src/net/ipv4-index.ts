import type { Flips } from './flips.ts';

/**
 * Look-ups in sorted IPv4 addresses at tens of millions a second: a table by the upper bits tells between
 * which two entries the rest of the search goes, mostly none or one.
 */
export class Ipv4Index {
  readonly #flips: Flips;
  /** For each value of the upper bits, how many flips lie below its first address; and one more for the end. */
  readonly #below: Uint32Array;
  readonly #shift: number;

  constructor(flips: Flips) {
    this.#flips = flips;
    // Allocated space clusters, so the table has many more places than entries, up to one a /16: 256 KB.
    const bits = Math.min(16, 37 - Math.clz32(flips.length));
    this.#shift = 32 - bits;
    this.#below = new Uint32Array(2 ** bits + 1);
    let count = 0;
    for (let upper = 0; upper <= 2 ** bits; upper++) {
      while (count < flips.length && flips[count]! < upper * 2 ** this.#shift) count++;
      this.#below[upper] = count;
    }
  }

  /** How many entries lie at or below the address, an unsigned 32-bit number. */
  flipsUpTo(value: number): number {
    const upper = value >>> this.#shift;
    let low = this.#below[upper]!;
    let high = this.#below[upper + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#flips[middle]! <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
