import { formatAddress } from '../../net/address.ts';
import { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix, lastAddress, type Prefix, parsePrefix } from '../../net/prefix.ts';

/** A contiguous block of addresses that no tag had before. */
export interface NewBlock {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  readonly size: bigint;
  /** The widest prefix around the block in which no tag had anything. */
  readonly empty: Prefix;
  /** Whether even the whole /8 (IPv4) or /16 (IPv6) around it was empty. */
  readonly isFarAway: boolean;
}

/** The widest prefix that is looked at for earlier addresses, by family. */
const WIDEST = { 4: 8, 6: 16 } as const;
const BITS = { 4: 32, 6: 128 } as const;

/**
 * When new space asks for a look. Of 173 public weeks from 2020 to 2025 about 15 opened a /8, or added over 524,288 new
 * IPv4 addresses in all. Of the archive's 47 steps of a week or two, 8 opened a /12, 7 added a block of 131,072 addresses
 * or more, 3 a small block far from every other (of 256 addresses at most, in a /16 where there was nothing: large
 * blocks open a /16 in most weeks), and 2 opened an IPv6 /32, which is what a registry gives to one network.
 */
const LARGE_BLOCK = 131_072n;
const LARGE_SUM = 524_288n;
const SMALL_BLOCK = 256n;
const OPENED = { 4: 12, 6: 32 } as const;
const OPENED_BY_A_SMALL_BLOCK = 16;

/** The blocks of `gained` outside of `known`, the largest first. */
export function newBlocks(gained: DualStackSet, known: DualStackSet): NewBlock[] {
  const fresh = gained.difference(known);
  return ([4, 6] as const)
    .flatMap((family) => {
      const [own, others] = family === 4 ? [fresh.ipv4, known.ipv4] : [fresh.ipv6, known.ipv6];
      return [...own.ranges()].map(({ first, last }): NewBlock => {
        const empty = emptyAround(family, first, last, others);
        return {
          family,
          first,
          last,
          size: last - first + 1n,
          empty,
          isFarAway: empty.length <= WIDEST[family],
        };
      });
    })
    .sort((a, b) => a.family - b.family || (a.size > b.size ? -1 : a.size < b.size ? 1 : 0));
}

/** Whether a block is unlike those that weeks bring: large, or far from what Azure has. */
export function isStrange({ family, size, empty }: NewBlock): boolean {
  if (empty.length <= OPENED[family]) return true;
  if (family === 6) return false;
  return size >= LARGE_BLOCK || (size <= SMALL_BLOCK && empty.length <= OPENED_BY_A_SMALL_BLOCK);
}

/** Whether new space is beyond what weeks bring. IPv6 is judged by where it lies alone. */
export function asksForLook(blocks: readonly NewBlock[]): boolean {
  const ipv4 = blocks.filter(({ family }) => family === 4);
  return blocks.some(isStrange) || ipv4.reduce((sum, { size }) => sum + size, 0n) > LARGE_SUM;
}

/**
 * The space that the next week is compared with: all of the feed, but for strange blocks that came in tags of no rule.
 * Nobody has looked at them; they are new when a tag in use gains them.
 */
export function familiarSpace(
  space: DualStackSet,
  known: DualStackSet | undefined,
  used: DualStackSet,
): DualStackSet {
  if (known === undefined) return space;
  const strange = newBlocks(space.difference(used), known).filter(isStrange);
  if (strange.length === 0) return space;
  const of = (family: 4 | 6) =>
    AddressSet.fromRanges(
      family,
      strange.filter((block) => block.family === family).toSorted((a, b) => (a.first < b.first ? -1 : 1)),
    );
  return space.difference(new DualStackSet(of(4), of(6)));
}

/** `1.0.0.0/12`, or `1.0.0.0-1.0.2.255` where one prefix does not say it. */
export function blockInWords({ family, first, last }: NewBlock): string {
  const cover = AddressSet.fromRanges(family, [{ first, last }]).coverTexts();
  return cover.length === 1 ? cover[0]! : `${formatAddress(family, first)}-${formatAddress(family, last)}`;
}

/** `no tag had any in 1.0.0.0/8`, or that the block lies right beside known addresses. */
export function relativeInWords({ empty, size }: NewBlock): string {
  if (lastAddress(empty) - empty.first < size) return 'beside known addresses';
  return `no tag had any in ${formatPrefix(empty)}`;
}

function emptyAround(family: 4 | 6, first: bigint, last: bigint, known: AddressSet): Prefix {
  const below = known.nearestAtOrBelow(first) ?? -1n;
  const above = known.nearestAtOrAbove(last) ?? 1n << BigInt(BITS[family]);
  for (let length: number = WIDEST[family]; length <= BITS[family]; length++) {
    const size = 1n << BigInt(BITS[family] - length);
    const start = (first / size) * size;
    if (start > below && start + size <= above && start + size > last)
      return parsePrefix(`${formatAddress(family, start)}/${length}`);
  }
  // No prefix holds all of it and nothing else: its first one stands for it.
  return AddressSet.fromRanges(family, [{ first, last }]).cover()[0]!;
}
