import type { WordCount } from './address-words.ts';
import { compareWords } from './portable/words.ts';

/**
 * A set of addresses as the ascending list of the addresses at which membership flips: out before the
 * first, in from the first, out from the second, in from the third … An odd count means that the set
 * reaches the top of the space. Half-open ranges, that is, with nothing to represent beyond the last
 * address; each set has exactly one such list, the complement only puts 0 in or takes it out, and every
 * operation on two sets is the same merge.
 */
export type Flips = Uint32Array;

/** Which of the four cases of two sets is in the result: bit (in a) + 2 · (in b). Bit 0 is never set. */
export const UNION = 0b1110;
export const INTERSECTION = 0b1000;
export const DIFFERENCE = 0b0010;
export const SYMMETRIC_DIFFERENCE = 0b0110;
export type Operation = typeof UNION | typeof INTERSECTION | typeof DIFFERENCE | typeof SYMMETRIC_DIFFERENCE;

/** Merges two sets of the same family; takes time in proportion to the two lists. */
export function combineFlips(a: Flips, b: Flips, words: WordCount, operation: Operation): Flips {
  const result = new Uint32Array(a.length + b.length);
  let i = 0;
  let j = 0;
  let end = 0;
  let membership = 0;
  let inside = 0;
  while (i < a.length || j < b.length) {
    const order = i === a.length ? 1 : j === b.length ? -1 : compareWords(a, i, b, j, words);
    const source = order <= 0 ? a : b;
    const at = order <= 0 ? i : j;
    if (order <= 0) {
      membership ^= 1;
      i += words;
    }
    if (order >= 0) {
      membership ^= 2;
      j += words;
    }
    if (((operation >> membership) & 1) !== inside) {
      inside ^= 1;
      for (let k = 0; k < words; k++) result[end + k] = source[at + k]!;
      end += words;
    }
  }
  // A copy of the used part, so that a small result does not hold on to a large buffer.
  return end === result.length ? result : result.slice(0, end);
}

/** How many flips lie at or below the address: odd if the address is in the set. */
export function flipsUpTo(flips: Flips, words: WordCount, address: Uint32Array, at: number): number {
  let low = 0;
  let high = flips.length / words;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareWords(flips, middle * words, address, at, words) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function equalFlips(a: Flips, b: Flips): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
