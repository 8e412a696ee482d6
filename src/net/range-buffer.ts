import { type WordCount, writeValue } from './address-words.ts';
import { flipsOfRanges } from './bulk.ts';
import type { Flips } from './flips.ts';
import { hostMask } from './portable/words.ts';
import type { Prefix } from './prefix.ts';

/** Ranges of one family on their way to becoming a set: in any order, overlapping, millions of them. */
export class RangeBuffer {
  readonly #words: WordCount;
  #ranges: Uint32Array;
  #end = 0;

  constructor(words: WordCount) {
    this.#words = words;
    this.#ranges = new Uint32Array(64 * words);
  }

  add(first: bigint, last: bigint): void {
    const at = this.#place();
    writeValue(this.#ranges, at, this.#words, first);
    writeValue(this.#ranges, at + this.#words, this.#words, last);
  }

  addPrefix({ first, length }: Prefix): void {
    const at = this.#place();
    const ranges = this.#ranges;
    writeValue(ranges, at, this.#words, first);
    for (let k = 0; k < this.#words; k++)
      ranges[at + this.#words + k] = ranges[at + k]! | hostMask(length - 32 * k);
  }

  /** All ranges of a set. */
  addFlips(flips: Flips): void {
    const words = this.#words;
    for (let at = 0; at < flips.length; at += 2 * words) {
      const to = this.#place();
      const ranges = this.#ranges;
      const end = at + words;
      for (let k = 0; k < words; k++) {
        ranges[to + k] = flips[at + k]!;
        // The last address: one before the next flip, or the top of the space.
        ranges[to + words + k] = end < flips.length ? flips[end + k]! : 0;
      }
      let k = words - 1;
      while (k > 0 && ranges[to + words + k] === 0) ranges[to + words + k--] = 0xffff_ffff;
      ranges[to + words + k]!--;
    }
  }

  /** The merged ranges as flips. */
  toFlips(): Flips {
    return flipsOfRanges(this.#ranges.subarray(0, this.#end), this.#words);
  }

  /** Makes room for one range and returns where it goes. */
  #place(): number {
    const at = this.#end;
    this.#end += 2 * this.#words;
    if (at === this.#ranges.length) {
      const larger = new Uint32Array(2 * at);
      larger.set(this.#ranges);
      this.#ranges = larger;
    }
    return at;
  }
}
