import { leadingZeros, type Words } from './machine.ts';
import {
  addPowerOfTwo,
  compareWords,
  copyWords,
  highestDifference,
  trailingZeros,
  trailingZerosOf,
} from './words.ts';

/**
 * The exact cover of a set, given as flips: the fewest prefixes, in numeric order.
 *
 * From an address `a` up to the end `e` of its range, the largest aligned block has 2^b addresses, where
 * b is the number of zero bits at the end of `a`, or, if that is less, the highest bit in which `a` and
 * `e` differ: there `a` has 0 and `e` has 1, so that `a` rounded up to that bit is at most `e`.
 */

const ONE: u32 = 1;

/** b, where the end 0 stands for 2^32: with nothing above the address, only its own low bits count. */
function ipv4BlockBits(first: u32, end: u32): i32 {
  const low = trailingZerosOf(first);
  const high = end === 0 ? 32 : 31 - leadingZeros(first ^ end);
  return low < high ? low : high;
}

/** How many prefixes the cover of IPv4 flips has. `scratch`: two words. */
export function countIpv4Cover(flips: Words, count: i32, scratch: Words): i32 {
  return walkIpv4(flips, count, scratch, 0);
}

/** Writes each prefix as its address and its length, and returns how many there are. */
export function ipv4Cover(flips: Words, count: i32, prefixes: Words): i32 {
  return walkIpv4(flips, count, prefixes, 2);
}

/** Walks the blocks, each written `step` words after the one before. */
function walkIpv4(flips: Words, count: i32, prefixes: Words, step: i32): i32 {
  let blocks = 0;
  let to = 0;
  for (let at = 0; at < count; at += 2) {
    let first = flips[at]!;
    const end = at + 1 < count ? flips[at + 1]! : 0;
    do {
      const bits = ipv4BlockBits(first, end);
      prefixes[to] = first;
      prefixes[to + 1] = 32 - bits;
      to += step;
      blocks++;
      // A block of 2^32 addresses begins at 0 and ends there.
      first = bits === 32 ? 0 : (first + (ONE << bits)) >>> 0;
    } while (first !== end);
  }
  return blocks;
}

/** `prefixes` serves for the address of which the block is sought: five words, at `at`. */
function ipv6BlockBits(prefixes: Words, at: i32, flips: Words, end: i32, count: i32): i32 {
  const low = trailingZeros(prefixes, at, 4);
  if (end >= 4 * count) return low;
  const high = highestDifference(prefixes, at, flips, end, 4);
  return low < high ? low : high;
}

/** How many prefixes the cover of IPv6 flips, so many addresses, has. `scratch`: five words. */
export function countIpv6Cover(flips: Words, count: i32, scratch: Words): i32 {
  return walkIpv6(flips, count, scratch, 0);
}

/** The same for IPv6: four words of address and a length. `prefixes` has room for one more. */
export function ipv6Cover(flips: Words, count: i32, prefixes: Words): i32 {
  return walkIpv6(flips, count, prefixes, 5);
}

/** Walks the blocks, each written `step` words after the one before. */
function walkIpv6(flips: Words, count: i32, prefixes: Words, step: i32): i32 {
  let blocks = 0;
  let to = 0;
  for (let at = 0; at < 4 * count; at += 8) {
    const end = at + 4;
    copyWords(flips, at, prefixes, to, 4);
    let more = true;
    while (more) {
      const bits = ipv6BlockBits(prefixes, to, flips, end, count);
      prefixes[to + 4] = 128 - bits;
      // The next block begins where this one ends.
      const next = to + step;
      if (step > 0) copyWords(prefixes, to, prefixes, next, 4);
      more =
        addPowerOfTwo(prefixes, next, 4, bits) &&
        (end >= 4 * count || compareWords(prefixes, next, flips, end, 4) < 0);
      to = next;
      blocks++;
    }
  }
  return blocks;
}
