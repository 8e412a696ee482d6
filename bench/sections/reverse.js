import { DualStackSet } from '../../dist/net/dual-stack-set.js';
import { parsePrefix } from '../../dist/net/prefix.js';
import { ReverseIndex } from '../../dist/net/reverse-index.js';
import { median } from '../contest.js';
import { randomWords, readTags, syntheticIpv4, weeklyFiles } from '../inputs.js';
import { atLeast } from '../targets.js';

/** Which tags contain the address? */
export async function run() {
  const file = weeklyFiles('20250818').at(0);
  const tags = file
    ? [...readTags(file)]
    : Array.from({ length: 1000 }, (_, i) => [`tag ${i}`, syntheticIpv4(50, i)]);
  const sets = tags.map(([name, prefixes]) => [name, DualStackSet.fromPrefixes(prefixes.map(parsePrefix))]);
  const building = [];
  let index;
  for (let round = 0; round < 5; round++) {
    const begin = performance.now();
    index = new ReverseIndex(sets);
    building.push(performance.now() - begin);
  }
  const ranges = [...DualStackSet.union(sets.map(([, set]) => set)).ipv4.ranges()];
  const next = randomWords(9);
  const numbers = Uint32Array.from({ length: 1 << 16 }, (_, i) => {
    if (i % 2 === 0) return next();
    const { first, last } = ranges[next() % ranges.length];
    return Number(first) + (next() % Number(last - first + 1n));
  });
  let wrong = 0;
  for (let i = 0; i < 300; i++) {
    const value = BigInt(numbers[i]);
    const expected = sets.filter(([, { ipv4 }]) => ipv4.contains(value)).map(([name]) => name);
    if (expected.sort().join() !== [...index.ofIpv4(numbers[i])].sort().join()) wrong++;
  }
  const rates = [];
  for (let round = 0; round < 9; round++) {
    let found = 0;
    const begin = performance.now();
    for (let i = 0; i < 2_000_000; i++) found += index.ofIpv4(numbers[i & 0xffff]).length;
    if (found < 0) throw new Error('the loop was not run');
    rates.push(2000 / (performance.now() - begin));
  }
  return [
    {
      title: 'Reverse look-up: an IPv4 address to its tags, narrowest first',
      columns: [
        ['name', ''],
        ['value', ''],
      ],
      rows: [
        { name: 'tags', value: sets.length },
        { name: 'building the index, ms', value: median(building) },
        { name: 'million look-ups a second', value: median(rates) },
        { name: 'answers unlike asking every tag, of 300', value: wrong },
      ],
      targets: [atLeast('address → tags, million a second', 2, median(rates))],
    },
  ];
}
