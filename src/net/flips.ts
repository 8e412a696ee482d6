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

/**
 * Merges two sets of the same family. Takes time in proportion to the two lists; of an intersection or a difference only in
 * proportion to the list that decides, as what lies between is leapt over.
 */
export function combineFlips(a: Flips, b: Flips, words: WordCount, operation: Operation): Flips {
  if (b.length === 0) return operation === INTERSECTION ? b : a;
  if (a.length === 0) return operation === INTERSECTION || operation === DIFFERENCE ? a : b;
  const result = new Uint32Array(a.length + b.length);
  // With what is outside of one set nothing is in the result, whatever the other has.
  const needsFirst = (operation & 0b0100) === 0;
  const needsSecond = operation === INTERSECTION;
  const needsNoSecond = operation === DIFFERENCE;
  let i = 0;
  let j = 0;
  let end = 0;
  let membership = 0;
  let inside = 0;
  while (i < a.length || j < b.length) {
    if (needsFirst && (membership & 1) === 0) {
      if (i === a.length) break;
      const next = firstFrom(b, j, a, i, words);
      if (((next - j) / words) % 2 === 1) membership ^= 2;
      j = next;
    }
    if ((needsSecond && (membership & 2) === 0) || (needsNoSecond && (membership & 2) === 2)) {
      if (j === b.length) break;
      const next = firstFrom(a, i, b, j, words);
      if (((next - i) / words) % 2 === 1) membership ^= 1;
      i = next;
    }
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

/** Where the first flip stands, from `from` on, that is not below the address: by steps that double, then by halves. */
function firstFrom(flips: Flips, from: number, address: Uint32Array, at: number, words: WordCount): number {
  let step = words as number;
  let low = from;
  let high = from;
  while (high < flips.length && compareWords(flips, high, address, at, words) < 0) {
    low = high + words;
    high += step;
    step *= 2;
  }
  high = Math.min(high, flips.length);
  let count = (high - low) / words;
  while (count > 0) {
    const half = count >>> 1;
    const middle = low + half * words;
    if (compareWords(flips, middle, address, at, words) < 0) {
      low = middle + words;
      count -= half + 1;
    } else count = half;
  }
  return low;
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
