import { formatAddress } from '../../net/address.ts';
import type { AddressSet } from '../../net/address-set.ts';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../net/prefix.ts';

/**
 * How much of which blocks the weekly files of a cloud ever had: figures of ranges, no ranges. They stand in for the space
 * that an output tree remembers, where there is none yet.
 */
export interface KnownFigures {
  /** The date of the last file that they were made from, YYYY-MM-DD. */
  readonly asOf: string;
  /** How many files they were made from. */
  readonly files: number;
  /** IPv4 addresses by /12, IPv6 /64 networks by /32; what is absent never had any. */
  readonly blocks: ReadonlyMap<string, bigint>;
}

/** The blocks that are counted, and the wider ones in which IPv4 space is far from all else, by prefix length. */
export const COUNTED = { 4: 12, 6: 32 } as const;
const WIDEST = 8;

const BITS = { 4: 32, 6: 128 } as const;

/** What a block has more than it ever had: IPv4 addresses, or IPv6 /64 networks. */
export interface BeyondBlock {
  readonly family: 4 | 6;
  readonly block: string;
  readonly size: bigint;
  /** Whether it is a /8 where there was nothing. */
  readonly isFarAway: boolean;
}

/** How far a feed is beyond the figures. */
export interface BeyondFigures {
  /** IPv4 addresses over what the blocks ever had, in all. */
  readonly ipv4: bigint;
  /** IPv6 /64 networks over what the blocks ever had, in all. */
  readonly ipv6Networks: bigint;
  /** IPv4 addresses in a /8 where there was nothing. */
  readonly far: bigint;
  /** What each block has beyond, the most first; a /8 where there was nothing as one. */
  readonly blocks: readonly BeyondBlock[];
}

/** IPv4 addresses by /12, and IPv6 /64 networks by /32; a part of a network counts as one. */
export function figuresOf({ ipv4, ipv6 }: DualStackSet): Map<string, bigint> {
  return new Map([
    ...sizesByBlock(ipv4, COUNTED[4]),
    ...[...sizesByBlock(ipv6, COUNTED[6])].map(
      ([block, size]) => [block, (size + (1n << 64n) - 1n) >> 64n] as const,
    ),
  ]);
}

/** What a feed has that the weekly files behind the figures cannot have had. */
export function beyondFigures(space: DualStackSet, { blocks: known }: KnownFigures): BeyondFigures {
  const wide = new Set([...known.keys()].flatMap((block) => wideBlockOf(parsePrefix(block)) ?? []));
  const beyond = new Map<string, BeyondBlock>();
  let far = 0n;
  for (const [text, has] of figuresOf(space)) {
    const more = has - (known.get(text) ?? 0n);
    if (more <= 0n) continue;
    const prefix = parsePrefix(text);
    const around = wideBlockOf(prefix);
    const isFarAway = around !== undefined && !wide.has(around);
    if (isFarAway) far += more;
    const block = isFarAway ? around : text;
    const size = (beyond.get(block)?.size ?? 0n) + more;
    beyond.set(block, { family: prefix.family, block, size, isFarAway });
  }
  const sum = (family: 4 | 6) =>
    [...beyond.values()].reduce((total, one) => (one.family === family ? total + one.size : total), 0n);
  return {
    ipv4: sum(4),
    ipv6Networks: sum(6),
    far,
    blocks: [...beyond.values()].sort(
      (a, b) => a.family - b.family || (a.size > b.size ? -1 : a.size < b.size ? 1 : 0),
    ),
  };
}

/** The /8 around an IPv4 block; undefined for IPv6. */
function wideBlockOf({ family, first }: Prefix): string | undefined {
  if (family === 6) return undefined;
  const size = 1n << BigInt(BITS[4] - WIDEST);
  return `${formatAddress(4, (first / size) * size)}/${WIDEST}`;
}

/** How many addresses of a set lie in each block of a length, by the block's prefix. */
function sizesByBlock(set: AddressSet, length: number): Map<string, bigint> {
  const width = 1n << BigInt(BITS[set.family] - length);
  const sizes = new Map<bigint, bigint>();
  for (const { first, last } of set.ranges())
    for (let start = (first / width) * width; start <= last; start += width) {
      const from = start > first ? start : first;
      const to = start + width - 1n < last ? start + width - 1n : last;
      sizes.set(start, (sizes.get(start) ?? 0n) + to - from + 1n);
    }
  return new Map(
    [...sizes].map(([first, size]) => [formatPrefix({ family: set.family, first, length }), size]),
  );
}
