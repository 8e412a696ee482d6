import type { Words } from './machine.ts';
import { compareWords, copyWords } from './words.ts';

const DIGIT = 11;
const BUCKETS = 1 << DIGIT;
/** Words of the `places` that sorting needs. */
export const PLACES = BUCKETS;

/** Up to here moving records one by one costs less than the passes over the buckets. */
const FEW = 24;

/**
 * Whether records of so many words each, `stride`, are in the order of the addresses, of so many words, that
 * they begin with.
 */
export function areSorted(records: Words, count: i32, stride: i32, words: i32): bool {
  for (let i = 1; i < count; i++)
    if (compareWords(records, (i - 1) * stride, records, i * stride, words) > 0) return false;
  return true;
}

/**
 * Sorts such records; those with equal addresses stay in their order. A radix sort, from the lowest eleven
 * bits to the highest: each pass deals the records into buckets and keeps the order of the pass before.
 * Linear where comparing would be O(n log n), and bits in which no two records differ cost no pass: most of
 * an IPv6 address.
 * @param spare as large as `records`; the content of both is used up
 * @returns whether the result stands in `spare`
 */
export function sortRecords(
  records: Words,
  spare: Words,
  places: Words,
  count: i32,
  stride: i32,
  words: i32,
): bool {
  if (count <= FEW) {
    insertionSort(records, spare, count, stride, words);
    return false;
  }
  let from = records;
  let to = spare;
  let swapped = false;
  for (let word = words - 1; word >= 0; word--) {
    let differing: u32 = 0;
    for (let i = 1; i < count; i++) differing |= from[i * stride + word]! ^ from[word]!;
    for (let shift = 0; shift < 32; shift += DIGIT) {
      if (((differing >>> shift) & (BUCKETS - 1)) === 0) continue;
      deal(from, to, places, count, stride, word, shift);
      const emptied = from;
      from = to;
      to = emptied;
      swapped = !swapped;
    }
  }
  return swapped;
}

function insertionSort(records: Words, spare: Words, count: i32, stride: i32, words: i32): void {
  for (let i = 1; i < count; i++) {
    copyWords(records, i * stride, spare, 0, stride);
    let at = i;
    while (at > 0 && compareWords(records, (at - 1) * stride, spare, 0, words) > 0) {
      copyWords(records, (at - 1) * stride, records, at * stride, stride);
      at--;
    }
    copyWords(spare, 0, records, at * stride, stride);
  }
}

/** One pass: the records in the order of one digit of one word. */
function deal(from: Words, to: Words, places: Words, count: i32, stride: i32, word: i32, shift: i32): void {
  for (let bucket = 0; bucket < BUCKETS; bucket++) places[bucket] = 0;
  for (let i = 0; i < count; i++) {
    const digit: i32 = (from[i * stride + word]! >>> shift) & (BUCKETS - 1);
    places[digit] = places[digit]! + 1;
  }
  let next: u32 = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const size = places[bucket]!;
    places[bucket] = next;
    next += size;
  }
  for (let i = 0; i < count; i++) {
    const digit: i32 = (from[i * stride + word]! >>> shift) & (BUCKETS - 1);
    const place: i32 = places[digit]!;
    places[digit] = place + 1;
    // IPv4 ranges are the most frequent by far.
    if (stride === 2) {
      to[2 * place] = from[2 * i]!;
      to[2 * place + 1] = from[2 * i + 1]!;
    } else copyWords(from, i * stride, to, place * stride, stride);
  }
}
