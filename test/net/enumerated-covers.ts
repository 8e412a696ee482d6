import { width } from '../../src/net/address.ts';
import type { Prefix } from '../../src/net/prefix.ts';
import type { SmallUniverse } from './small-universe.ts';

/**
 * Every cover of a set of blocks in a universe of sixteen: the oracle for budgets. A node of the tree over
 * the sixteen blocks is numbered as in a heap, 1 the whole, 16 to 31 the blocks; a cover is a 32-bit number
 * with one bit a node, and each of its nodes holds some of the set.
 */
export interface EnumeratedCover {
  readonly nodes: number;
  readonly count: number;
  /** Extra blocks. */
  readonly extra: number;
}

const LOG = 4;

/** The blocks of a node, as a mask. */
export function blocksOf(node: number): number {
  const depth = 31 - Math.clz32(node);
  const size = 1 << (LOG - depth);
  return ((1 << size) - 1) << ((node - (1 << depth)) * size);
}

/** All covers of the blocks in `mask` (the lower sixteen bits) that take allowed nodes only. */
export function enumerateCovers(mask: number, allowed: (node: number) => boolean): EnumeratedCover[] {
  const below = (node: number): EnumeratedCover[] => {
    const own = blocksOf(node);
    if ((own & mask) === 0) return [{ nodes: 0, count: 0, extra: 0 }];
    const covers: EnumeratedCover[] = [];
    if (allowed(node)) covers.push({ nodes: 1 << node, count: 1, extra: popcount(own & ~mask) });
    if (node < 1 << LOG) {
      const right = below(2 * node + 1);
      for (const a of below(2 * node))
        for (const b of right)
          covers.push({ nodes: a.nodes | b.nodes, count: a.count + b.count, extra: a.extra + b.extra });
    }
    return covers;
  };
  return below(1);
}

/** A node as a prefix, the sixteen blocks being the lower half of the universe. */
export function prefixOf(universe: SmallUniverse, node: number): Prefix {
  const depth = 31 - Math.clz32(node);
  return {
    family: universe.family,
    first: universe.first((node - (1 << depth)) << (LOG - depth)),
    length: width(universe.family) - universe.scale - LOG + depth,
  };
}

/** The nodes of prefixes, as a number with one bit each. */
export function nodesOf(universe: SmallUniverse, prefixes: readonly Prefix[]): number {
  let nodes = 0;
  for (const { first, length } of prefixes) {
    const depth = length - (width(universe.family) - universe.scale - LOG);
    const block = Number((first - universe.base) >> BigInt(universe.scale));
    nodes |= 1 << ((1 << depth) + (block >> (LOG - depth)));
  }
  return nodes;
}

export function popcount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
