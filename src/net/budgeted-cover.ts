import { width } from './address.ts';
import { AddressSet } from './address-set.ts';
import { type CoverLimits, type CoverNode, type CoverTree, coverTree } from './cover-tree.ts';
import { comparePrefixes, formatPrefix, type Prefix } from './prefix.ts';
import { type CostTable, knapsack, type MergedTable, merge } from './tree-knapsack.ts';

/** One set to be covered, with its own limits. */
export interface CoverDemand extends CoverLimits {
  readonly set: AddressSet;
}

export interface CoverOptions extends CoverLimits {
  /** The budget: the most prefixes. */
  readonly maxPrefixes: number;
  /**
   * Where `previous` is given: how much more than the fewest extra addresses may be admitted for the sake
   * of fewer changes, as a fraction. By default 0.01.
   */
  readonly tolerance?: number;
}

/** A cover within a budget. */
export interface BudgetedCover {
  readonly feasible: true;
  /** In numeric order. */
  readonly prefixes: readonly Prefix[];
  /** What the prefixes admit beyond the set: a widening, to be shown. */
  readonly extra: AddressSet;
  /** How many prefixes came or went since `previous`; 0 without one. */
  readonly changes: number;
}

/** No cover within the limits has as few prefixes as the budget. */
export interface InfeasibleCover {
  readonly feasible: false;
  /** The least budget for which there is a cover within the limits. */
  readonly fewest: number;
}

/** Covers within one budget for several sets, in their order. */
export interface JointCover {
  readonly feasible: true;
  readonly covers: readonly BudgetedCover[];
}

/**
 * The optimal cover of a set by at most `maxPrefixes` prefixes: none admits fewer extra addresses.
 *
 * With `previous`, of the covers that admit at most (1 + tolerance) times the fewest, one that changes few
 * prefixes: the optimum for the highest price per changed prefix at which the extra addresses stay within
 * the tolerance. That is the fewest changes among the covers on the lower convex hull of (extra, changes).
 */
export function coverWithin(set: AddressSet, options: CoverOptions): BudgetedCover | InfeasibleCover {
  const { maxPrefixes, tolerance, ...limits } = options;
  const result = coverJointly([{ set, ...limits }], maxPrefixes, tolerance);
  return result.feasible ? result.covers[0]! : result;
}

/**
 * The optimal covers of several sets by at most `maxPrefixes` prefixes in all: how many each gets is part
 * of the choice. Extra addresses of one family count alike. If the sets are of both families, where a
 * single IPv6 subnet would outweigh all of IPv4, they count by their share of what is asked for in their
 * family: the sum of both shares is the least.
 */
export function coverJointly(
  demands: readonly CoverDemand[],
  maxPrefixes: number,
  tolerance = 0.01,
): JointCover | InfeasibleCover {
  const weights = familyWeights(demands);
  const parts = demands.map((demand) => new Part(demand, weights[demand.set.family]));
  const fewest = total(parts, (part) => part.fewest);
  if (fewest > maxPrefixes) return { feasible: false, fewest };
  const search = new Search(parts, maxPrefixes);
  const choice = demands.some(({ previous }) => previous !== undefined)
    ? leastChanges(search, tolerance)
    : search.solve(1n, 0n);
  return { feasible: true, covers: parts.map((part, i) => part.cover(choice.taken[i]!)) };
}

/** What an extra address of each family costs: cross-multiplied shares, so that all stays exact. */
function familyWeights(demands: readonly CoverDemand[]): Readonly<Record<4 | 6, bigint>> {
  const asked = { 4: 0n, 6: 0n };
  for (const { set } of demands) asked[set.family] += set.size;
  return asked[4] === 0n || asked[6] === 0n ? { 4: 1n, 6: 1n } : { 4: asked[6], 6: asked[4] };
}

/** One demand, ready for the search. */
class Part {
  readonly #demand: CoverDemand;
  readonly #tree: CoverTree;
  /** What one extra address costs. */
  readonly #weight: bigint;
  /** How many prefixes are needed for what is wider than `widest`. */
  readonly #pieces: number;

  constructor(demand: CoverDemand, weight: bigint) {
    this.#demand = demand;
    this.#tree = coverTree(demand.set, demand);
    this.#weight = weight;
    const { widest = 0 } = demand;
    this.#pieces = total(this.#tree.tooWide, ({ length }) => 2 ** (widest - length));
  }

  get root(): CoverNode | undefined {
    return this.#tree.root;
  }

  get pieces(): number {
    return this.#pieces;
  }

  get fewest(): number {
    return this.#pieces + (this.root?.fewest ?? 0);
  }

  /** The power of two that divides every price. */
  get unit(): bigint {
    let unit = BigInt(width(this.#demand.set.family) - this.#tree.finest);
    for (let rest = this.#weight; (rest & 1n) === 0n; rest >>= 1n) unit++;
    return unit;
  }

  /** What the extra addresses of a node cost. */
  price(extra: bigint): bigint {
    return this.#weight * extra;
  }

  get previousCount(): number {
    return this.#demand.previous?.length ?? 0;
  }

  /** Adds what there was no choice about, and accounts for the whole. */
  cover(taken: readonly CoverNode[]): BudgetedCover {
    const { set, previous, widest = 0 } = this.#demand;
    const prefixes = [
      ...taken.map(({ prefix }) => prefix),
      ...this.#tree.tooWide.flatMap((prefix) => split(prefix, widest)),
    ];
    prefixes.sort(comparePrefixes);
    return {
      feasible: true,
      prefixes,
      extra: AddressSet.fromPrefixes(set.family, prefixes).difference(set),
      changes: previous === undefined ? 0 : countChanges(prefixes, previous),
    };
  }
}

/** One solution of the search. */
interface Choice {
  /** The nodes taken in each part. */
  readonly taken: readonly (readonly CoverNode[])[];
  /** The price of the extra addresses. */
  readonly extra: bigint;
  /** The prefixes that come, less those that stay: the changes but for a constant. */
  readonly changes: bigint;
}

/** Sums of costs below this are exact as numbers. */
const EXACT = 1n << 53n;

/** All choices for all parts, to be searched with different prices. */
class Search {
  readonly #parts: readonly Part[];
  readonly #budget: number;
  /** How many prefixes the budget leaves out, at the least, of the most that could be taken. */
  readonly #slack: number;
  /** Prices are counted in 2^unit: IPv6 prefixes are rarely longer than /64, and then numbers may do. */
  readonly #unit: bigint;
  /** No choice has a higher price of extra addresses. */
  readonly mostExtra: bigint;
  /** No two choices differ by as many changes. */
  readonly moreChanges: bigint;

  constructor(parts: readonly Part[], maxPrefixes: number) {
    this.#parts = parts;
    this.#budget = maxPrefixes - total(parts, ({ pieces }) => pieces);
    const most = total(parts, ({ root }) => root?.most ?? 0);
    this.#slack = Math.max(0, most - this.#budget);
    const units = parts.filter(({ root }) => root !== undefined).map(({ unit }) => unit);
    this.#unit = units.reduce((least, unit) => (unit < least ? unit : least), units[0] ?? 0n);
    this.mostExtra = parts.reduce(
      (sum, part) => (part.root === undefined ? sum : sum + this.#price(part, worst(part.root))),
      0n,
    );
    this.moreChanges = BigInt(1 + most + total(parts, ({ previousCount }) => previousCount));
  }

  /** Minimises perExtra · extra addresses + perChange · changed prefixes. */
  solve(perExtra: bigint, perChange: bigint): Choice {
    const small = perExtra * this.mostExtra + perChange * this.moreChanges < EXACT;
    // With extra addresses alone to mind, one prefix more never hurts: all of the budget is used.
    const slack = perChange === 0n ? this.#slack : Number.POSITIVE_INFINITY;
    const none: CostTable = { least: 0, costs: small ? new Float64Array(1) : [0n], take: () => [] };
    const tables: CostTable[] = [];
    const merged: MergedTable[] = [];
    let all = none;
    let most = 0;
    for (const part of this.#parts) {
      const { root } = part;
      const price = (node: CoverNode) =>
        perExtra * this.#price(part, node.extra) + (node.previous ? -perChange : perChange);
      const options = { budget: this.#budget, slack, price, small };
      const table = root === undefined ? none : knapsack(root, options);
      most += root?.most ?? 0;
      const both = merge(all, table, most - slack, this.#budget);
      tables.push(table);
      merged.push(both);
      all = both;
    }
    const taken: CoverNode[][] = [];
    let entry = cheapest(all);
    for (let i = tables.length - 1; i >= 0; i--) {
      const [before, own] = merged[i]!.split(entry);
      taken.unshift(tables[i]!.take(own));
      entry = before;
    }
    let extra = 0n;
    let changes = 0n;
    for (const [i, nodes] of taken.entries())
      for (const node of nodes) {
        extra += this.#price(this.#parts[i]!, node.extra);
        changes += node.previous ? -1n : 1n;
      }
    return { taken, extra, changes };
  }

  #price(part: Part, extra: bigint): bigint {
    return part.price(extra) >> this.#unit;
  }
}

/** The choice for the highest price per change that keeps the extra addresses within the tolerance. */
function leastChanges(search: Search, tolerance: number): Choice {
  // Ends of the hull: the fewest extra addresses (and then changes), the fewest changes (and then extra).
  let within = search.solve(search.moreChanges, 1n);
  let beyond = search.solve(1n, search.mostExtra + 1n);
  const limit = within.extra + (within.extra * BigInt(Math.round(tolerance * 1e9))) / 1_000_000_000n;
  if (beyond.extra <= limit) return beyond;
  for (;;) {
    // The price at which both cost the same: whatever is cheaper then lies between them on the hull.
    const perExtra = within.changes - beyond.changes;
    const perChange = beyond.extra - within.extra;
    if (perExtra === 0n) return within;
    const cost = (choice: Choice) => perExtra * choice.extra + perChange * choice.changes;
    const next = search.solve(perExtra, perChange);
    if (cost(next) === cost(within)) return within;
    if (next.extra <= limit) within = next;
    else beyond = next;
  }
}

/** The most extra addresses that any choice from here down admits. */
function worst(node: CoverNode): bigint {
  return node.allowed ? node.extra : node.children.reduce((sum, child) => sum + worst(child), 0n);
}

/** The entry of the least cost; of equals, the one with the fewest prefixes. */
function cheapest({ costs }: CostTable): number {
  let best = 0;
  for (let entry = 1; entry < costs.length; entry++) if (costs[entry]! < costs[best]!) best = entry;
  return best;
}

/** How many prefixes are in one list only. */
function countChanges(a: readonly Prefix[], b: readonly Prefix[]): number {
  const before = new Set(b.map(formatPrefix));
  const stayed = a.reduce((count, prefix) => (before.has(formatPrefix(prefix)) ? count + 1 : count), 0);
  return a.length + before.size - 2 * stayed;
}

/** The pieces of length `length` that make up the prefix. */
function split({ family, first, length: own }: Prefix, length: number): Prefix[] {
  const size = 1n << BigInt(width(family) - length);
  return Array.from({ length: 2 ** (length - own) }, (_, i) => ({
    family,
    first: first + BigInt(i) * size,
    length,
  }));
}

function total<T>(items: readonly T[], measure: (item: T) => number): number {
  return items.reduce((sum, item) => sum + measure(item), 0);
}
