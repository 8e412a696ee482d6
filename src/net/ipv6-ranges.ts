import { addPowerOfTwo, compareWords } from './address-words.ts';
import type { Flips } from './flips.ts';
import { orderByWords } from './word-order.ts';

const WORDS = 4;
/** First and last address of a range. */
const STRIDE = 2 * WORDS;

/** IPv6 ranges on their way to becoming a set: in any order, overlapping, millions of them. */
export class Ipv6Ranges {
  #bounds: Uint32Array;
  #count = 0;

  constructor(capacity = 64) {
    this.#bounds = new Uint32Array(STRIDE * capacity);
  }

  /** Makes room for one range and returns it as (array, offset): first address, then last. */
  add(): { readonly bounds: Uint32Array; readonly at: number } {
    const at = STRIDE * this.#count++;
    if (at === this.#bounds.length) {
      const bounds = new Uint32Array(2 * this.#bounds.length);
      bounds.set(this.#bounds);
      this.#bounds = bounds;
    }
    return { bounds: this.#bounds, at };
  }

  /** Adds the prefix whose first address stands at `source[at]`, of which host bits are zero. */
  addPrefix(source: Uint32Array, at: number, length: number): void {
    const range = this.add();
    for (let k = 0; k < WORDS; k++) {
      const word = source[at + k]!;
      const hostBits = Math.min(32, Math.max(0, 32 * (k + 1) - length));
      range.bounds[range.at + k] = word;
      range.bounds[range.at + WORDS + k] = word | (2 ** hostBits - 1);
    }
  }

  /** The merged ranges as flips. */
  toFlips(): Flips {
    const bounds = this.#bounds;
    const order = orderByWords(bounds, STRIDE, this.#count, WORDS);
    const flips = new Uint32Array(STRIDE * this.#count);
    let end = 0;
    // The open range ends before flips[end - 4]; when it reaches the top, that is no flip, and nothing can follow.
    let reachesTop = false;
    for (let i = 0; i < order.length && !reachesTop; i++) {
      const first = STRIDE * order[i]!;
      const last = first + WORDS;
      const apart = end === 0 || compareWords(bounds, first, flips, end - WORDS, WORDS) > 0;
      if (apart) {
        for (let k = 0; k < WORDS; k++) flips[end + k] = bounds[first + k]!;
        end += STRIDE;
      } else if (compareWords(bounds, last, flips, end - WORDS, WORDS) < 0) continue;
      const after = end - WORDS;
      for (let k = 0; k < WORDS; k++) flips[after + k] = bounds[last + k]!;
      if (!addPowerOfTwo(flips, after, WORDS, 0)) reachesTop = true;
    }
    return flips.slice(0, reachesTop ? end - WORDS : end);
  }
}
