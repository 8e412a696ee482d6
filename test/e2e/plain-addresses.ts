/**
 * Address arithmetic done the obvious way and sharing nothing with the product: text to whole numbers, sort,
 * sweep. It counts what the sample says, so that the review can be held against it.
 */

/** First and last address, both inside. */
export type Range = readonly [first: bigint, last: bigint];

/** The addresses of prefixes of one family as sorted ranges that neither overlap nor touch. */
export function rangesOf(prefixes: readonly string[], family: 4 | 6): Range[] {
  const ranges = prefixes
    .filter((prefix) => prefix.includes(':') === (family === 6))
    .map((prefix): Range => {
      const [address = '', length = ''] = prefix.split('/');
      const bits = family === 4 ? 32n : 128n;
      const first = family === 4 ? ipv4(address) : ipv6(address);
      return [first, first + 2n ** (bits - BigInt(length)) - 1n];
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const merged: [bigint, bigint][] = [];
  for (const [first, last] of ranges) {
    const previous = merged.at(-1);
    if (previous === undefined || first > previous[1] + 1n) merged.push([first, last]);
    else if (last > previous[1]) previous[1] = last;
  }
  return merged;
}

export function sizeOf(ranges: readonly Range[]): bigint {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1n, 0n);
}

/** What is in `ranges` and not in `others`. */
export function without(ranges: readonly Range[], others: readonly Range[]): Range[] {
  return ranges.flatMap(([first, last]) => {
    const left: Range[] = [];
    let from = first;
    for (const [otherFirst, otherLast] of others) {
      if (otherLast < from || otherFirst > last) continue;
      if (otherFirst > from) left.push([from, otherFirst - 1n]);
      from = otherLast + 1n;
    }
    if (from <= last) left.push([from, last]);
    return left;
  });
}

/** The fewest prefixes that hold exactly the ranges: the largest aligned block first, over and over. */
export function coverOf(ranges: readonly Range[], family: 4 | 6): { first: bigint; length: number }[] {
  const bits = family === 4 ? 32 : 128;
  return ranges.flatMap(([first, last]) => {
    const blocks: { first: bigint; length: number }[] = [];
    for (let from = first; from <= last; ) {
      let size = 1n;
      while (from % (size * 2n) === 0n && from + size * 2n - 1n <= last) size *= 2n;
      blocks.push({ first: from, length: bits - (size.toString(2).length - 1) });
      from += size;
    }
    return blocks;
  });
}

function ipv4(text: string): bigint {
  return text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function ipv6(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':'));
  const [before, after] = [words(head), words(tail ?? '')];
  const middle =
    tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...middle, ...after].reduce((value, word) => value * 65536n + BigInt(`0x${word}`), 0n);
}
