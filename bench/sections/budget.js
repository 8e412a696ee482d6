import { AddressSet } from '../../dist/net/address-set.js';
import { coverWithin } from '../../dist/net/budgeted-cover.js';
import { coverTree } from '../../dist/net/cover-tree.js';
import { parsePrefix } from '../../dist/net/prefix.js';
import { median } from '../contest.js';
import { readTags, syntheticIpv4, weeklyFiles } from '../inputs.js';
import { atMost } from '../targets.js';

/** At most N prefixes with the fewest extra addresses, certified from below and compared with greedy. */
export async function run() {
  const results = [];
  const file = weeklyFiles('20250818').at(0);
  if (file) {
    const prefixes = readTags(file).get('AzureCloud').map(parsePrefix);
    for (const family of [4, 6])
      results.push(
        measure(
          `Budgeted cover: AzureCloud, IPv${family}`,
          AddressSet.fromPrefixes(
            family,
            prefixes.filter((prefix) => prefix.family === family),
          ),
          [1000, 750, 500, 200, 100],
        ),
      );
    const { rows } = results[0];
    results[0].targets = [
      ...rows
        .filter(({ budget }) => budget !== 750)
        .map(({ budget, milliseconds }) => atMost(`AzureCloud IPv4 within ${budget}, ms`, 25, milliseconds)),
      ...rows
        .filter(({ budget }) => budget === 1000 || budget === 500)
        .map(({ budget, percent }) =>
          atMost(`AzureCloud IPv4 within ${budget}, % above a lower bound`, 0.1, percent),
        ),
    ];
  }
  const synthetic = measure(
    'Budgeted cover: synthetic',
    AddressSet.fromPrefixes(4, syntheticIpv4(10_000).map(parsePrefix)),
    [9000, 5000, 2000, 500],
  );
  synthetic.targets = [
    atMost(
      'a cover of 10,000 prefixes, the slowest budget, ms',
      300,
      Math.max(...synthetic.rows.map(({ milliseconds }) => milliseconds)),
    ),
  ];
  results.push(synthetic);
  return results;
}

function measure(title, set, budgets) {
  process.stderr.write(`${title}\n`);
  const rows = budgets.map((maxPrefixes) => {
    const times = [];
    let result;
    for (let round = 0; round < 15; round++) {
      const begin = performance.now();
      result = coverWithin(set, { maxPrefixes });
      times.push(performance.now() - begin);
    }
    const extra = Number(result.extra.size);
    const bound = lagrangeBound(set, maxPrefixes);
    return {
      budget: maxPrefixes,
      extra: Number(extra).toLocaleString('en'),
      share: `${((100 * extra) / Number(set.size)).toPrecision(3)} %`,
      gap: `${percentAbove(extra, bound).toFixed(3)} %`,
      percent: percentAbove(extra, bound),
      greedy: greedyExtra(set, maxPrefixes) / extra,
      first: times[0],
      milliseconds: median(times),
    };
  });
  return {
    title,
    note: `Exact cover ${set.coverCount.toLocaleString('en')} prefixes, ${Number(set.size).toLocaleString('en')} addresses. The gap is to a Lagrange lower bound, which need not be reachable.`,
    columns: [
      ['budget', 'N'],
      ['extra', 'extra addresses'],
      ['share', 'of the set'],
      ['gap', 'at most above the optimum'],
      ['greedy', 'greedy, × ours'],
      ['first', 'the first time, ms'],
      ['milliseconds', 'ms, median of 15'],
    ],
    rows,
  };
}

/** Below zero is only the rounding of the bound. */
function percentAbove(extra, bound) {
  return Math.max(0, 100 * (extra / bound - 1));
}

/** For any price per prefix, the least of extra + price · prefixes, less price · N, is a lower bound. */
function lagrangeBound(set, budget) {
  const { root } = coverTree(set, {});
  const at = (price) => {
    const walk = (node) => {
      const own = { cost: Number(node.extra) + price, count: 1 };
      if (node.children.length === 0) return own;
      const parts = node.children.map(walk);
      const cost = parts[0].cost + parts[1].cost;
      return own.cost <= cost ? own : { cost, count: parts[0].count + parts[1].count };
    };
    const { cost, count } = walk(root);
    return { bound: cost - price * budget, count };
  };
  let [low, high] = [0, Number(root.extra) + 1];
  let best = 0;
  for (let step = 0; step < 200; step++) {
    const price = (low + high) / 2;
    const { bound, count } = at(price);
    if (bound > best) best = bound;
    if (count > budget) low = price;
    else high = price;
  }
  return best;
}

/** Always the cheapest join of two prefixes that stand next to each other in the tree. */
function greedyExtra(set, budget) {
  const parents = [];
  const collect = (node) => {
    if (node.children.length === 0) return 1;
    const entry = { node, open: 0, parent: undefined };
    for (const child of node.children) {
      const below = collect(child);
      if (below === 1) entry.open++;
      else below.parent = entry;
    }
    parents.push(entry);
    return entry;
  };
  collect(coverTree(set, {}).root);
  const cost = ({ node }) => Number(node.extra - node.children.reduce((sum, child) => sum + child.extra, 0n));
  const ready = parents.filter(({ open }) => open === 2).map((entry) => ({ entry, cost: cost(entry) }));
  let extra = 0;
  for (let count = set.coverCount; count > budget; count--) {
    let best = 0;
    for (let i = 1; i < ready.length; i++) if (ready[i].cost < ready[best].cost) best = i;
    const [{ entry, cost: price }] = ready.splice(best, 1);
    extra += price;
    if (entry.parent && ++entry.parent.open === 2)
      ready.push({ entry: entry.parent, cost: cost(entry.parent) });
  }
  return extra;
}
