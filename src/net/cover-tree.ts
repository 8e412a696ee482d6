import { width } from './address.ts';
import type { AddressSet } from './address-set.ts';
import { comparePrefixes, lastAddress, type Prefix } from './prefix.ts';

/**
 * A prefix that a cover of a set may take, and those below it: a compressed binary trie over the prefixes
 * of the exact cover. An inner node is the longest prefix that holds both its children; to take it instead
 * of what lies below admits its other addresses as well. No optimal cover takes any other prefix, since
 * the longest common prefix of the same part of the set has no more addresses.
 */
export interface CoverNode {
  readonly prefix: Prefix;
  /** None where the node cannot be broken down, else one or two. */
  readonly children: readonly CoverNode[];
  /** How many addresses the cover admits beyond the set if it takes this prefix. */
  readonly extra: bigint;
  /** Whether the limits allow a cover to take it; if they do, they allow every node below it. */
  readonly allowed: boolean;
  /** Whether the previous cover took it. */
  readonly previous: boolean;
  /** The fewest and the most prefixes with which the nodes from here down can cover this part of the set. */
  readonly fewest: number;
  readonly most: number;
}

/** What a cover may take. */
export interface CoverLimits {
  /** No prefix is shorter than this: the least prefix length. */
  readonly widest?: number | undefined;
  /** Addresses that are not admitted unless they are in the set. */
  readonly forbid?: AddressSet | undefined;
  /** The prefixes of the cover that is to change as little as possible. */
  readonly previous?: readonly Prefix[] | undefined;
}

/** A set's candidates: a tree, and what `widest` leaves no choice about. */
export interface CoverTree {
  /** Undefined if the tree holds nothing. */
  readonly root: CoverNode | undefined;
  /** The length of its longest prefix: every number of extra addresses is a multiple of that prefix's size. */
  readonly finest: number;
  /** Prefixes of the exact cover shorter than `widest`; each is written as 2^(widest − length) pieces. */
  readonly tooWide: readonly Prefix[];
}

/** Builds the candidates for covers of the set within the limits. @throws TypeError for mixed families */
export function coverTree(set: AddressSet, limits: CoverLimits): CoverTree {
  const { widest = 0, previous = [] } = limits;
  const exact = set.cover();
  const leaves = exact.filter(({ length }) => length >= widest);
  const candidates = [...leaves];
  for (const prefix of previous) {
    if (prefix.family !== set.family) throw new TypeError('a previous prefix of the other family');
    if (prefix.length < widest) continue;
    if (set.containsPrefix(prefix)) candidates.push(...pieces(prefix, leaves));
    else {
      // One that holds no address of the set any more is not kept: that would be admission without cause.
      const nearest = set.nearestAtOrAbove(prefix.first);
      if (nearest !== undefined && nearest <= lastAddress(prefix)) candidates.push(prefix);
    }
  }
  return {
    root: new TreeBuilder(set, limits).build(candidates),
    finest: candidates.reduce((finest, { length }) => Math.max(finest, length), 0),
    tooWide: exact.filter(({ length }) => length < widest),
  };
}

/**
 * What it takes to write the leaf around an inner prefix in pieces of which that is one: the prefixes on
 * the way from it up to the leaf, and the sibling of each. Nothing inside a prefix that is too wide.
 */
function pieces(inner: Prefix, leaves: readonly Prefix[]): Prefix[] {
  let low = 0;
  let high = leaves.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (leaves[middle]!.first <= inner.first) low = middle + 1;
    else high = middle;
  }
  const leaf = leaves[low - 1];
  const result: Prefix[] = [];
  if (leaf === undefined || lastAddress(leaf) < inner.first) return result;
  for (let length = inner.length; length > leaf.length; length--) {
    const size = 1n << BigInt(width(inner.family) - length);
    const first = inner.first & -size;
    result.push(
      { family: inner.family, first, length },
      { family: inner.family, first: first ^ size, length },
    );
  }
  return result;
}

/** A node while its children are still being found. */
interface Draft {
  readonly prefix: Prefix;
  readonly children: CoverNode[];
}

class TreeBuilder {
  readonly #set: AddressSet;
  readonly #widest: number;
  /** Forbidden addresses outside the set. */
  readonly #forbidden: AddressSet | undefined;
  readonly #previous: ReadonlySet<string>;

  constructor(set: AddressSet, { widest = 0, forbid, previous = [] }: CoverLimits) {
    this.#set = set;
    this.#widest = widest;
    this.#forbidden = forbid?.difference(set);
    this.#previous = new Set(previous.map(key));
  }

  /** Links the prefixes and the longest common prefixes of neighbours into a tree, along its right edge. */
  build(prefixes: Prefix[]): CoverNode | undefined {
    prefixes.sort(comparePrefixes);
    const edge: Draft[] = [];
    const foldInto = (parent: Draft): void => {
      parent.children.push(this.#node(edge.pop()!));
    };
    for (const prefix of prefixes) {
      const top = edge.at(-1);
      if (top !== undefined) {
        const common = commonPrefix(top.prefix, prefix);
        if (common.length === prefix.length) continue;
        while (edge.length > 1 && edge.at(-2)!.prefix.length >= common.length) foldInto(edge.at(-2)!);
        if (edge.at(-1)!.prefix.length > common.length) {
          const parent: Draft = { prefix: common, children: [] };
          foldInto(parent);
          edge.push(parent);
        }
      }
      edge.push({ prefix, children: [] });
    }
    while (edge.length > 1) foldInto(edge.at(-2)!);
    return edge[0] === undefined ? undefined : this.#node(edge[0]);
  }

  #node({ prefix, children }: Draft): CoverNode {
    const size = 1n << BigInt(width(prefix.family) - prefix.length);
    let extra = 0n;
    if (children.length > 0 && !this.#set.containsPrefix(prefix)) {
      extra = size;
      for (const child of children)
        extra -= (1n << BigInt(width(prefix.family) - child.prefix.length)) - child.extra;
    }
    const allowed = prefix.length >= this.#widest && (extra === 0n || !this.#isForbidden(prefix));
    return {
      prefix,
      children,
      extra,
      allowed,
      previous: this.#previous.size > 0 && this.#previous.has(key(prefix)),
      fewest: allowed ? 1 : children.reduce((sum, child) => sum + child.fewest, 0),
      most: children.length === 0 ? 1 : children.reduce((sum, child) => sum + child.most, 0),
    };
  }

  #isForbidden(prefix: Prefix): boolean {
    const nearest = this.#forbidden?.nearestAtOrAbove(prefix.first);
    return nearest !== undefined && nearest <= lastAddress(prefix);
  }
}

function commonPrefix(a: Prefix, b: Prefix): Prefix {
  const bits = width(a.family);
  const difference = a.first ^ b.first;
  const length = Math.min(a.length, b.length, bits - bitLength(difference));
  if (length === a.length) return a;
  const shift = BigInt(bits - length);
  return { family: a.family, first: (a.first >> shift) << shift, length };
}

function bitLength(value: bigint): number {
  let rest = value;
  let bits = 0;
  for (; rest >= 0x100000000n; rest >>= 32n) bits += 32;
  return bits + 32 - Math.clz32(Number(rest));
}

function key({ first, length }: Prefix): string {
  return `${first}/${length}`;
}
