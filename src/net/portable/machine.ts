/// <reference path="./numbers.d.ts" />

/**
 * What the portable functions stand on, as plain JavaScript; `machine.wasm.ts` says the same to the
 * AssemblyScript compiler, for which an array is an address in memory and has no length.
 */

/** Bytes: text. Reading beyond the end gives no digit, letter or sign, and writing there is a mistake. */
export type Bytes = Uint8Array;

/** 32-bit words: addresses, the most significant word first, and tables. */
export type Words = Uint32Array;

/** How many of the highest bits are zero; 32 for 0. */
export function leadingZeros(word: u32): i32 {
  return Math.clz32(word);
}
