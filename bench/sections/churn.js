import { AddressSet } from '../../dist/net/address-set.js';
import { coverWithin } from '../../dist/net/budgeted-cover.js';
import { formatPrefix, parsePrefix } from '../../dist/net/prefix.js';
import { median } from '../contest.js';
import { readTags, weeklyFiles } from '../inputs.js';

/** How many prefixes of the rule files change from week to week, with and without regard to last week. */
export async function run() {
  const files = weeklyFiles('20220501', '20230228');
  if (files.length < 2) return [];
  process.stderr.write('Churn\n');
  const weeks = files.map((file) => {
    const prefixes = readTags(file).get('AzureCloud').map(parsePrefix);
    return AddressSet.fromPrefixes(
      4,
      prefixes.filter(({ family }) => family === 4),
    );
  });
  const rows = [];
  const exact = weeks.map((set) => set.cover());
  rows.push({ how: 'exact cover', ...summary(exact.slice(1).map((cover, i) => changed(exact[i], cover))) });
  for (const maxPrefixes of [1000, 500]) {
    const best = weeks.map((set) => coverWithin(set, { maxPrefixes }));
    const optimum = best.map(({ extra }) => Number(extra.size));
    rows.push({
      budget: maxPrefixes,
      how: 'the optimum of each week',
      ...summary(best.slice(1).map(({ prefixes }, i) => changed(best[i].prefixes, prefixes))),
      extra: median(optimum),
      paid: '0 %',
    });
    for (const tolerance of [0, 0.001, 0.01, 0.05]) {
      let previous = best[0].prefixes;
      const changes = [];
      const paid = [];
      const extras = [];
      const begin = performance.now();
      for (const [week, set] of weeks.entries()) {
        if (week === 0) continue;
        const cover = coverWithin(set, { maxPrefixes, previous, tolerance });
        changes.push(cover.changes);
        extras.push(Number(cover.extra.size));
        paid.push(Number(cover.extra.size) / optimum[week] - 1);
        previous = cover.prefixes;
      }
      rows.push({
        budget: maxPrefixes,
        how: `previous, tolerance ${tolerance}`,
        ...summary(changes),
        extra: median(extras),
        paid: `${(100 * (paid.reduce((sum, share) => sum + share, 0) / paid.length)).toFixed(2)} %`,
        milliseconds: (performance.now() - begin) / changes.length,
      });
    }
  }
  return [
    {
      title: `Churn: AzureCloud, IPv4, ${weeks.length} weeks from ${files[0].slice(-16, -8)}`,
      columns: [
        ['budget', 'N'],
        ['how', 'cover'],
        ['mean', 'prefixes changed a week, mean'],
        ['middle', 'median'],
        ['most', 'most'],
        ['extra', 'extra addresses, median'],
        ['paid', 'above the optimum, mean'],
        ['milliseconds', 'ms a week'],
      ],
      rows,
    },
  ];
}

function changed(before, after) {
  const old = new Set(before.map(formatPrefix));
  const stayed = after.filter((prefix) => old.has(formatPrefix(prefix))).length;
  return before.length + after.length - 2 * stayed;
}

function summary(changes) {
  return {
    mean: changes.reduce((sum, count) => sum + count, 0) / changes.length,
    middle: median(changes),
    most: Math.max(...changes),
  };
}
