import { formatAddress } from '../../net/address.ts';
import { AddressSet } from '../../net/address-set.ts';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
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
 * When new space asks for a look. Of 173 public weeks from 2020 to 2025 about 15 opened a /8, added a block over
 * 262,144 IPv4 addresses, or over 524,288 new ones in all.
 */
const LARGE_BLOCK = 262_144n;
const LARGE_SUM = 524_288n;

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

/** Whether new space is beyond what weeks bring. IPv6 is judged by where it lies alone. */
export function asksForLook(blocks: readonly NewBlock[]): boolean {
  const ipv4 = blocks.filter(({ family }) => family === 4);
  return (
    blocks.some(({ isFarAway }) => isFarAway) ||
    ipv4.some(({ size }) => size > LARGE_BLOCK) ||
    ipv4.reduce((sum, { size }) => sum + size, 0n) > LARGE_SUM
  );
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
