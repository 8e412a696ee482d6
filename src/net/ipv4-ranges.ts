import type { Flips } from './flips.ts';
import { HIGH, LOW } from './packed-key.ts';
import { sortByHighHalf } from './radix-sort.ts';

/** From here on the radix sort is worth its compilation. */
const MANY = 1 << 17;

/**
 * IPv4 ranges on their way to becoming a set: in any order, overlapping, millions of them. Each is one
 * 64-bit key, first address above last, written through a 32-bit view, so that V8's native sort (no
 * comparator, no BigInt made) orders them: several times faster than sorting objects or by a function.
 */
export class Ipv4Ranges {
  #keys: BigUint64Array;
  #halves: Uint32Array;
  #count = 0;
  #sorted = true;

  constructor(capacity = 64) {
    this.#keys = new BigUint64Array(capacity);
    this.#halves = new Uint32Array(this.#keys.buffer);
  }

  /** Both ends as unsigned or signed 32-bit numbers. */
  add(first: number, last: number): void {
    if (this.#count === this.#keys.length) this.#grow();
    const at = 2 * this.#count++;
    this.#halves[at + HIGH] = first;
    this.#halves[at + LOW] = last;
    if (this.#sorted && at > 0 && this.#halves[at + HIGH]! < this.#halves[at - 2 + HIGH]!)
      this.#sorted = false;
  }

  /** The merged ranges as flips; the buffer is used up. */
  toFlips(): Flips {
    const count = this.#count;
    let halves = this.#halves;
    if (!this.#sorted) {
      if (count < MANY) this.#keys.subarray(0, count).sort();
      else halves = sortByHighHalf(halves, count);
    }
    // Merged in place: what is written never overtakes what is read.
    let end = 0;
    let last = -2;
    for (let at = 0; at < 2 * count; at += 2) {
      const first = halves[at + HIGH]!;
      const itsLast = halves[at + LOW]!;
      if (first > last + 1) {
        if (end > 0) halves[end++] = last + 1;
        halves[end++] = first;
        last = itsLast;
      } else if (itsLast > last) last = itsLast;
    }
    if (end > 0 && last < 0xffffffff) halves[end++] = last + 1;
    return halves.slice(0, end);
  }

  #grow(): void {
    const keys = new BigUint64Array(2 * this.#keys.length);
    const halves = new Uint32Array(keys.buffer);
    halves.set(this.#halves);
    this.#keys = keys;
    this.#halves = halves;
  }
}
