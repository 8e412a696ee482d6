import type { Family } from './address.ts';

/** Words in an address (see `portable/words.ts`). */
export type WordCount = 1 | 4;

export function wordCount(family: Family): WordCount {
  return family === 4 ? 1 : 4;
}

export function readValue(source: Uint32Array, at: number, words: WordCount): bigint {
  if (words === 1) return BigInt(source[at]!);
  const high = (BigInt(source[at]!) << 32n) | BigInt(source[at + 1]!);
  return (high << 64n) | (BigInt(source[at + 2]!) << 32n) | BigInt(source[at + 3]!);
}

export function writeValue(target: Uint32Array, at: number, words: WordCount, value: bigint): void {
  if (words === 1) {
    target[at] = Number(value);
    return;
  }
  // A Uint32Array keeps the lowest 32 bits only of a number below 2^53: halve before converting.
  const high = value >> 64n;
  const low = BigInt.asUintN(64, value);
  target[at] = Number(high >> 32n);
  target[at + 1] = Number(BigInt.asUintN(32, high));
  target[at + 2] = Number(low >> 32n);
  target[at + 3] = Number(BigInt.asUintN(32, low));
}
