import type { Family } from './address.ts';

/**
 * Addresses as 32-bit words, the most significant first: one word for IPv4, four for IPv6, many addresses
 * one after another in a `Uint32Array`. Words and not 64-bit lanes, because reading a `BigUint64Array`
 * makes a heap object per element, while comparing and adding words stays in registers. `at` is always the
 * offset of an address's first word.
 */
export type WordCount = 1 | 4;

export function wordCount(family: Family): WordCount {
  return family === 4 ? 1 : 4;
}

/** Negative, zero or positive, as the address at `a[i]` is below, equal to or above the one at `b[j]`. */
export function compareWords(
  a: Uint32Array,
  i: number,
  b: Uint32Array,
  j: number,
  words: WordCount,
): -1 | 0 | 1 {
  for (let k = 0; k < words; k++) {
    const left = a[i + k]!;
    const right = b[j + k]!;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
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

/** How many low bits of the address are zero; all of them for the address 0. */
export function trailingZeros(source: Uint32Array, at: number, words: WordCount): number {
  for (let k = words - 1; k >= 0; k--) {
    const word = source[at + k]!;
    if (word !== 0) return 32 * (words - 1 - k) + 31 - Math.clz32(word & -word);
  }
  return 32 * words;
}

/** The number of the highest bit, counted from 0 at the low end, in which two different addresses differ. */
export function highestDifference(
  a: Uint32Array,
  i: number,
  b: Uint32Array,
  j: number,
  words: WordCount,
): number {
  let k = 0;
  while (k < words - 1 && a[i + k] === b[j + k]) k++;
  return 32 * (words - 1 - k) + 31 - Math.clz32(a[i + k]! ^ b[j + k]!);
}

/**
 * Adds 2^bit in place and tells whether the sum is still inside the address space; if it is not, what is
 * left is the sum modulo the size of the space. `bit` may be the width of the address.
 */
export function addPowerOfTwo(target: Uint32Array, at: number, words: WordCount, bit: number): boolean {
  let k = words - 1 - (bit >>> 5);
  let add = 2 ** (bit & 31);
  while (k >= 0) {
    const sum = target[at + k]! + add;
    target[at + k] = sum;
    if (sum < 2 ** 32) return true;
    add = 1;
    k--;
  }
  return false;
}

/** The host bits of a word of which the upper `networkBits` belong to the prefix; any number of them. */
export function hostMask(networkBits: number): number {
  if (networkBits >= 32) return 0;
  return networkBits <= 0 ? 0xffffffff : 0xffffffff >>> networkBits;
}
