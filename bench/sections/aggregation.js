import { mergeCidr } from 'cidr-tools';
import * as fast from 'fast-cidr-tools';
import { parsePrefixes, parsePrefixList } from '../../dist/net/prefix-list.js';
import { contest } from '../contest.js';
import { readTags, syntheticIpv4, syntheticIpv6, weeklyFiles } from '../inputs.js';
import { atMost } from '../targets.js';

/** Strings in, strings out, within a warm process. */
export async function run({ large }) {
  const results = [];
  const inputs = [];
  const file = weeklyFiles('20250818').at(0);
  if (file) inputs.push(['a weekly file, all tags', [...readTags(file).values()].flat()]);
  for (const count of [1e4, 1e5, ...(large ? [1e6] : [])])
    inputs.push([
      `synthetic, ${count.toLocaleString('en')} IPv4 and half as many IPv6`,
      [...syntheticIpv4(count), ...syntheticIpv6(count / 2)],
    ]);
  for (const [label, prefixes] of inputs) {
    const sorted = (result) => [...result].sort().join('\n');
    const encoder = new TextEncoder();
    const bytes = encoder.encode(prefixes.join('\n'));
    const result = contest({
      title: `Aggregation: ${label}`,
      note: `${prefixes.length.toLocaleString('en')} prefixes.`,
      contestants: [
        {
          name: 'azure-allowlist kernel, from strings',
          run: () => parsePrefixes(prefixes).toStrings(),
          answer: sorted,
        },
        {
          name: 'azure-allowlist kernel, from bytes to bytes',
          run: () => {
            const { ipv4, ipv6 } = parsePrefixList(bytes);
            return [ipv4.coverBytes(), ipv6.coverBytes()];
          },
          answer: (parts) =>
            sorted(
              parts
                .flatMap((part) => new TextDecoder().decode(part).split('\n'))
                .filter((line) => line !== ''),
            ),
        },
        { name: 'cidr-tools', run: () => mergeCidr(prefixes), answer: sorted },
        ...(prefixes.length <= 2e5
          ? [{ name: 'fast-cidr-tools', run: () => fast.merge(prefixes, true), answer: sorted }]
          : []),
      ],
    });
    if (file && label.startsWith('a weekly file'))
      result.targets = [
        atMost(
          'both families, strings to strings in a warm process, × cidr-tools',
          0.5,
          1 / result.rows.find(({ name }) => name === 'cidr-tools').ratio,
        ),
      ];
    results.push(result);
  }
  return results;
}
