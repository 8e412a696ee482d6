import { leadingZeros, type Words } from './machine.ts';

/**
 * Addresses as 32-bit words, the most significant first: one word for IPv4, four for IPv6, many addresses
 * one after another in one array. Words and not 64-bit lanes, because reading a `BigUint64Array` makes a
 * heap object per element, while comparing and adding words stays in registers. `at` is always the offset
 * of an address's first word.
 */

/** Negative, zero or positive, as the address at `a[i]` is below, equal to or above the one at `b[j]`. */
export function compareWords(a: Words, i: i32, b: Words, j: i32, words: i32): i32 {
  for (let k = 0; k < words; k++) {
    const left = a[i + k]!;
    const right = b[j + k]!;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

export function copyWords(from: Words, i: i32, to: Words, j: i32, words: i32): void {
  for (let k = 0; k < words; k++) to[j + k] = from[i + k]!;
}

/** How many low bits of the word are zero; 32 for 0. */
export function trailingZerosOf(word: u32): i32 {
  return word === 0 ? 32 : 31 - leadingZeros(word & -word);
}

/** How many low bits of the address are zero; all of them for the address 0. */
export function trailingZeros(source: Words, at: i32, words: i32): i32 {
  for (let k = words - 1; k >= 0; k--) {
    const word = source[at + k]!;
    if (word !== 0) return 32 * (words - 1 - k) + trailingZerosOf(word);
  }
  return 32 * words;
}

/** The number of the highest bit, counted from 0 at the low end, in which two different addresses differ. */
export function highestDifference(a: Words, i: i32, b: Words, j: i32, words: i32): i32 {
  let k = 0;
  while (k < words - 1 && a[i + k] === b[j + k]) k++;
  return 32 * (words - 1 - k) + 31 - leadingZeros(a[i + k]! ^ b[j + k]!);
}

/**
 * Adds 2^bit in place and tells whether the sum is still inside the address space; if it is not, what is
 * left is the sum modulo the size of the space. `bit` may be the width of the address.
 */
export function addPowerOfTwo(target: Words, at: i32, words: i32, bit: i32): bool {
  let k = words - 1 - (bit >>> 5);
  let add: u32 = (ONE << (bit & 31)) >>> 0;
  while (k >= 0) {
    const sum: u32 = (target[at + k]! + add) >>> 0;
    target[at + k] = sum;
    // A sum that went over 32 bits is below what was added.
    if (sum >= add) return true;
    add = 1;
    k--;
  }
  return false;
}

const ONE: u32 = 1;
const ALL: u32 = 0xffffffff;

/** The host bits of a word of which the upper `networkBits` belong to the prefix; any number of them. */
export function hostMask(networkBits: i32): u32 {
  if (networkBits >= 32) return 0;
  return networkBits <= 0 ? ALL : ALL >>> networkBits;
}
