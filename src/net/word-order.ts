import type { WordCount } from './address-words.ts';
import { HIGH, LOW } from './packed-key.ts';

/**
 * The order that sorts `count` addresses, of which the i-th stands at `source[i * stride]`: a list of their
 * numbers. One word at a time, from the highest: (word, number) packed into a 64-bit key for V8's native
 * sort, and then each run of equal words by its next word.
 */
export function orderByWords(
  source: Uint32Array,
  stride: number,
  count: number,
  words: WordCount,
): Uint32Array {
  const keys = new BigUint64Array(count);
  const halves = new Uint32Array(keys.buffer);
  for (let i = 0; i < count; i++) halves[2 * i + LOW] = i;
  const sortRun = (start: number, end: number, word: number): void => {
    let sorted = true;
    let previous = 0;
    for (let i = start; i < end; i++) {
      const value = source[halves[2 * i + LOW]! * stride + word]!;
      if (value < previous) sorted = false;
      halves[2 * i + HIGH] = value;
      previous = value;
    }
    if (!sorted) keys.subarray(start, end).sort();
    if (word + 1 === words) return;
    let runStart = start;
    for (let i = start + 1; i <= end; i++) {
      if (i < end && halves[2 * i + HIGH] === halves[2 * runStart + HIGH]) continue;
      if (i - runStart > 1) sortRun(runStart, i, word + 1);
      runStart = i;
    }
  };
  sortRun(0, count, 0);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = halves[2 * i + LOW]!;
  return order;
}
