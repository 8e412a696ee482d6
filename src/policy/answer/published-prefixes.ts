import type { Family } from '../../net/address.ts';
import { width } from '../../net/address.ts';
import type { Prefix } from '../../net/prefix.ts';

/** Narrowest first. IPv4 as numbers: a look-up is made millions of times. */
interface ByLength {
  readonly 4: readonly { readonly length: number; readonly firsts: ReadonlyMap<number, Prefix> }[];
  readonly 6: readonly { readonly length: number; readonly firsts: ReadonlyMap<bigint, Prefix> }[];
}

function byLengthOf(prefixes: Iterable<Prefix>): ByLength {
  const ipv4 = new Map<number, Map<number, Prefix>>();
  const ipv6 = new Map<number, Map<bigint, Prefix>>();
  for (const prefix of prefixes)
    if (prefix.family === 4) put(ipv4, prefix.length, Number(prefix.first), prefix);
    else put(ipv6, prefix.length, prefix.first, prefix);
  return { 4: narrowestFirst(ipv4), 6: narrowestFirst(ipv6) };
}

/**
 * The prefixes of one list as they were published, by length: which of them contains an address. Sorted at the first
 * question.
 */
export class PublishedPrefixes {
  readonly #prefixes: () => Iterable<Prefix>;
  #byLength: ByLength | undefined;

  /** @param prefixes asked for at the first question */
  constructor(prefixes: () => Iterable<Prefix>) {
    this.#prefixes = prefixes;
  }

  /** The narrowest published prefix that contains the address and is no longer than `longest` bits. */
  narrowest(family: Family, value: bigint, longest: number = width(family)): Prefix | undefined {
    this.#byLength ??= byLengthOf(this.#prefixes());
    if (family === 4) {
      const address = Number(value);
      for (const { length, firsts } of this.#byLength[4]) {
        if (length > longest) continue;
        const found = firsts.get(address - (address % 2 ** (32 - length)));
        if (found !== undefined) return found;
      }
      return undefined;
    }
    for (const { length, firsts } of this.#byLength[6]) {
      if (length > longest) continue;
      const hostBits = BigInt(128 - length);
      const found = firsts.get((value >> hostBits) << hostBits);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function put<Key>(lengths: Map<number, Map<Key, Prefix>>, length: number, first: Key, prefix: Prefix): void {
  const firsts = lengths.get(length);
  if (firsts === undefined) lengths.set(length, new Map([[first, prefix]]));
  else firsts.set(first, prefix);
}

function narrowestFirst<Key>(lengths: ReadonlyMap<number, ReadonlyMap<Key, Prefix>>) {
  return [...lengths].map(([length, firsts]) => ({ length, firsts })).sort((a, b) => b.length - a.length);
}
