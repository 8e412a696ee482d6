import type { CoverNode } from './cover-tree.ts';

/**
 * What the best choice costs, for each number of prefixes from `least` on. Numbers as long as no sum can
 * pass 2^53, where they stop being exact; BigInt beyond, as IPv6 mostly needs.
 */
export interface CostTable {
  readonly least: number;
  readonly costs: Float64Array | bigint[];
  /** The nodes whose prefixes make an entry. */
  take(entry: number): CoverNode[];
}

export interface KnapsackOptions {
  /** No entry is for more prefixes than this. */
  readonly budget: number;
  /** Leaves out entries for fewer prefixes than node.most − slack, which the caller knows to be useless. */
  readonly slack: number;
  /** What it costs to take a node's prefix. */
  readonly price: (node: CoverNode) => bigint;
  /** Whether no sum of prices can leave the range of exact numbers. */
  readonly small: boolean;
}

/**
 * The tree knapsack: for each number of prefixes, the cheapest way to cover a tree. From the leaves up, a
 * node is covered by its own prefix alone, or by i prefixes to its left and k − i to its right: a min-plus
 * merge, at most m²/2 steps in all for m leaves. Costs are not convex in k, so that nothing greedier is exact.
 */
export function knapsack(node: CoverNode, options: KnapsackOptions): CostTable {
  const [left, right] = node.children.map((child) => knapsack(child, options));
  const least = node.most - options.slack;
  const below =
    left === undefined ? undefined : right === undefined ? left : merge(left, right, least, options.budget);
  // What has no children is allowed, and what is left out here has some.
  if (!node.allowed || least > 1) return below!;
  const own = options.price(node);
  if (below === undefined) return single(node, own, options.small);
  return below.least === 1 ? replaceFirst(node, own, below) : prepend(node, own, below);
}

function single(node: CoverNode, own: bigint, small: boolean): CostTable {
  return { least: 1, costs: small ? Float64Array.of(Number(own)) : [own], take: () => [node] };
}

/** The node's own prefix in place of another single one: it has one child, which a previous cover widened. */
function replaceFirst(node: CoverNode, own: bigint, below: CostTable): CostTable {
  if (below.costs[0]! <= own) return below;
  const costs = below.costs.slice();
  if (costs instanceof Float64Array) costs[0] = Number(own);
  else costs[0] = own;
  return { least: 1, costs, take: (entry) => (entry === 0 ? [node] : below.take(entry)) };
}

/** The node's own prefix as the only choice of one prefix; below it there are two or more. */
function prepend(node: CoverNode, own: bigint, below: CostTable): CostTable {
  let costs: CostTable['costs'];
  if (below.costs instanceof Float64Array) {
    costs = new Float64Array(below.costs.length + 1);
    costs[0] = Number(own);
    costs.set(below.costs, 1);
  } else costs = [own, ...below.costs];
  return { least: 1, costs, take: (entry) => (entry === 0 ? [node] : below.take(entry - 1)) };
}

/** A table made of two. */
export interface MergedTable extends CostTable {
  /** Which entries of the two make an entry. */
  split(entry: number): readonly [left: number, right: number];
}

/** All pairs of a choice to the left and one to the right, the cheapest for each number of prefixes. */
export function merge(left: CostTable, right: CostTable, least: number, budget: number): MergedTable {
  const start = left.least + right.least;
  const skip = Math.max(0, least - start);
  const length = Math.min(left.costs.length + right.costs.length - 1, budget - start + 1) - skip;
  const choice = new Uint32Array(length);
  const costs =
    left.costs instanceof Float64Array
      ? mergeNumbers(left.costs, right.costs as Float64Array, skip, length, choice)
      : mergeBigints(left.costs, right.costs as bigint[], skip, length, choice);
  return {
    least: start + skip,
    costs,
    split: (entry) => [choice[entry]!, entry + skip - choice[entry]!],
    take: (entry) => [...left.take(choice[entry]!), ...right.take(entry + skip - choice[entry]!)],
  };
}

function mergeNumbers(
  left: Float64Array,
  right: Float64Array,
  skip: number,
  length: number,
  choice: Uint32Array,
): Float64Array {
  const costs = new Float64Array(length).fill(Infinity);
  const end = skip + length;
  for (let i = 0; i < left.length; i++) {
    const cost = left[i]!;
    const to = Math.min(right.length, end - i);
    for (let j = Math.max(0, skip - i); j < to; j++) {
      const sum = cost + right[j]!;
      const at = i + j - skip;
      if (sum < costs[at]!) {
        costs[at] = sum;
        choice[at] = i;
      }
    }
  }
  return costs;
}

function mergeBigints(
  left: readonly bigint[],
  right: readonly bigint[],
  skip: number,
  length: number,
  choice: Uint32Array,
): bigint[] {
  const costs: bigint[] = [];
  for (let at = 0; at < length; at++) {
    const total = at + skip;
    let best: bigint | undefined;
    const from = Math.max(0, total - right.length + 1);
    const to = Math.min(left.length - 1, total);
    for (let i = from; i <= to; i++) {
      const sum = left[i]! + right[total - i]!;
      if (best === undefined || sum < best) {
        best = sum;
        choice[at] = i;
      }
    }
    costs.push(best!);
  }
  return costs;
}
