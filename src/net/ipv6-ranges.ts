import { addPowerOfTwo, compareWords, hostMask, writeValue } from './address-words.ts';
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

  add(first: bigint, last: bigint): void {
    const at = this.#place();
    writeValue(this.#bounds, at, WORDS, first);
    writeValue(this.#bounds, at + WORDS, WORDS, last);
  }

  /** Adds the prefix whose first address stands at `source[at]`, of which host bits are zero. */
  addPrefix(source: Uint32Array, at: number, length: number): void {
    const to = this.#place();
    const bounds = this.#bounds;
    for (let k = 0; k < WORDS; k++) {
      const word = source[at + k]!;
      bounds[to + k] = word;
      bounds[to + WORDS + k] = word | hostMask(length - 32 * k);
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

  /** Makes room for one range and returns where it goes: first address, then last. */
  #place(): number {
    const at = STRIDE * this.#count++;
    if (at === this.#bounds.length) {
      const bounds = new Uint32Array(2 * at);
      bounds.set(this.#bounds);
      this.#bounds = bounds;
    }
    return at;
  }
}
