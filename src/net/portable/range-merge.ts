import type { Words } from './machine.ts';
import { addPowerOfTwo, compareWords, copyWords } from './words.ts';

/**
 * Merges ranges that are sorted by their first addresses into the addresses at which membership flips (see
 * `flips.ts`), in place: what is written never overtakes what is read.
 * @returns how many flips there are
 */
export function mergeIpv4(ranges: Words, count: i32): i32 {
  let end = 0;
  let last: u32 = 0;
  for (let at = 0; at < 2 * count; at += 2) {
    const first = ranges[at]!;
    const itsLast = ranges[at + 1]!;
    // Compared before subtracting: in 32 bits a difference below zero is a large number.
    if (end === 0 || (first > last && first - last > 1)) {
      if (end > 0) ranges[end++] = last + 1;
      ranges[end++] = first;
      last = itsLast;
    } else if (itsLast > last) last = itsLast;
  }
  // A range that reaches the top of the space ends at no address.
  if (end > 0 && last < TOP) ranges[end++] = last + 1;
  return end;
}

const TOP: u32 = 0xffffffff;

/** The same for IPv6. */
export function mergeIpv6(ranges: Words, count: i32): i32 {
  const WORDS = 4;
  let end = 0;
  for (let first = 0; first < 8 * count; first += 8) {
    const last = first + WORDS;
    // The open range ends before ranges[end - 4].
    if (end === 0 || compareWords(ranges, first, ranges, end - WORDS, WORDS) > 0) {
      copyWords(ranges, first, ranges, end, WORDS);
      end += 8;
    } else if (compareWords(ranges, last, ranges, end - WORDS, WORDS) < 0) continue;
    copyWords(ranges, last, ranges, end - WORDS, WORDS);
    // A range that reaches the top of the space ends at no address, and nothing can follow.
    if (!addPowerOfTwo(ranges, end - WORDS, WORDS, 0)) return end / WORDS - 1;
  }
  return end / WORDS;
}
