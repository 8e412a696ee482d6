import { AddressSet } from './address-set.ts';
import type { WordCount } from './address-words.ts';
import { rangesOfCanonicalLines } from './bulk.ts';
import { DualStackSet } from './dual-stack-set.ts';
import { compareWords } from './portable/words.ts';
import { type Prefix, parsePrefix } from './prefix.ts';

/** A list of canonical prefixes that was read with many others: its texts, and where its ranges lie among theirs. */
export class CanonicalList {
  readonly texts: readonly string[];
  /** Slices of the ranges of all lists. */
  readonly #ipv4: Uint32Array;
  readonly #ipv6: Uint32Array;
  #isAscending: boolean | undefined;

  constructor(texts: readonly string[], ipv4: Uint32Array, ipv6: Uint32Array) {
    this.texts = texts;
    this.#ipv4 = ipv4;
    this.#ipv6 = ipv6;
  }

  /** Whether the prefixes stand in numeric order, as `comparePrefixes` has it, each once. */
  get isAscending(): boolean {
    this.#isAscending ??=
      ascend(this.#ipv4, 1) &&
      ascend(this.#ipv6, 4) &&
      this.texts.slice(this.#ipv4.length / 2).every((text) => text.includes(':'));
    return this.#isAscending;
  }

  /** Whether a prefix stands in the list twice. */
  get hasDuplicates(): boolean {
    // One canonical spelling each: equal texts are equal prefixes.
    return !this.isAscending && new Set(this.texts).size < this.texts.length;
  }

  addresses(): DualStackSet {
    return new DualStackSet(
      AddressSet.fromRangeWords(4, this.#ipv4),
      AddressSet.fromRangeWords(6, this.#ipv6),
    );
  }

  /** In the order of the list. */
  prefixes(): Prefix[] {
    return this.texts.map(parsePrefix);
  }
}

/**
 * Reads many lists of prefixes in one pass, without an object for each prefix: made for a weekly file.
 * @returns the lists, or undefined where any text of any list is not a prefix in its canonical spelling
 */
export function readCanonicalLists(lists: readonly (readonly string[])[]): CanonicalList[] | undefined {
  const ipv4: string[] = [];
  const ipv6: string[] = [];
  const ends = lists.map((texts) => {
    for (const text of texts) (text.includes(':') ? ipv6 : ipv4).push(text);
    return { ipv4: 2 * ipv4.length, ipv6: 8 * ipv6.length };
  });
  const ranges = { ipv4: rangesOf(ipv4, 1), ipv6: rangesOf(ipv6, 4) };
  if (ranges.ipv4 === undefined || ranges.ipv6 === undefined) return undefined;
  return lists.map(
    (texts, index) =>
      new CanonicalList(
        texts,
        ranges.ipv4!.subarray(ends[index - 1]?.ipv4 ?? 0, ends[index]!.ipv4),
        ranges.ipv6!.subarray(ends[index - 1]?.ipv6 ?? 0, ends[index]!.ipv6),
      ),
  );
}

function rangesOf(texts: readonly string[], words: WordCount): Uint32Array | undefined {
  if (texts.length === 0) return new Uint32Array(0);
  const ranges = rangesOfCanonicalLines(new TextEncoder().encode(`${texts.join('\n')}\n`), words);
  // A text of two lines would count twice.
  return ranges?.length === 2 * words * texts.length ? ranges : undefined;
}

/** Whether ranges that are prefixes are in order and differ: by first address, the broader before the narrower. */
function ascend(ranges: Uint32Array, words: WordCount): boolean {
  const stride = 2 * words;
  for (let at = stride; at < ranges.length; at += stride) {
    const first = compareWords(ranges, at - stride, ranges, at, words);
    if (first > 0) return false;
    if (first === 0 && compareWords(ranges, at - words, ranges, at + words, words) <= 0) return false;
  }
  return true;
}
