import { excludeCidr } from 'cidr-tools';
import * as fast from 'fast-cidr-tools';
import { parsePrefixes } from '../../dist/net/prefix-list.js';
import { contest } from '../contest.js';
import { readTags, syntheticIpv4, weeklyFiles } from '../inputs.js';

const sorted = (result) => [...result].sort().join('\n');

/** What one list of prefixes has and another has not, in both directions. */
export async function run() {
  const pairs = [];
  const files = weeklyFiles('20250804', '20250818');
  if (files.length >= 2)
    pairs.push([
      'two weekly files, all tags',
      ...[files[0], files.at(-1)].map((file) => [...readTags(file).values()].flat()),
    ]);
  pairs.push(['synthetic, 10,000 IPv4 each', syntheticIpv4(1e4, 1), syntheticIpv4(1e4, 7)]);
  return pairs.map(([label, a, b]) =>
    contest({
      title: `Difference: ${label}`,
      rounds: 5,
      contestants: [
        {
          name: 'azure-allowlist kernel',
          run: () => {
            const [left, right] = [a, b].map((list) => parsePrefixes(list));
            return [...left.difference(right).toStrings(), ...right.difference(left).toStrings()];
          },
          answer: sorted,
        },
        { name: 'cidr-tools', run: () => [...excludeCidr(a, b), ...excludeCidr(b, a)], answer: sorted },
        {
          name: 'fast-cidr-tools',
          run: () => [...fast.exclude(a, b, true), ...fast.exclude(b, a, true)],
          answer: sorted,
        },
      ],
    }),
  );
}
