import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress } from '../../src/net/address.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { feedsAvailable } from './feeds.ts';
import { makePolicy, samplePolicy } from './policy.ts';
import { buildBundled } from './rule-files.ts';
import { readWeek, tagPrefixes } from './weeks.ts';

/** Two policies that follow each other: address and port sets differ, much stays. */
export const successiveWeeks: readonly (readonly [string, Policy, Policy])[] = [
  ['the sample', samplePolicy(), nextSample()],
  ...(feedsAvailable ? [realWeeks()] : []),
];

function nextSample(): Policy {
  return makePolicy(
    { name: 'connector', prefixes: ['198.51.100.0/25', '203.0.113.8/32', '2001:db8::/35'], ports: '80,443' },
    { name: 'storage-weu', prefixes: ['192.0.2.0/27', '2001:db8:4000:10::/60'], ports: '443,8443' },
  );
}

function realWeeks(): [string, Policy, Policy] {
  const [before, after] = ['20250714', '20250721'].map((date) => {
    const week = readWeek(date);
    return makePolicy(
      {
        name: 'connector',
        prefixes: tagPrefixes(week, 'AzureCloud', 'AzureActiveDirectory'),
        ports: '80,443',
      },
      { name: 'sql', prefixes: tagPrefixes(week, 'Sql.WestEurope'), ports: '1433,11000-11999' },
    );
  });
  return ['AzureCloud of 2025-07-14 and -21', before!, after!];
}

/** Builds a target and writes its files into a directory of their own. */
export async function writeRuleFiles(
  id: string,
  policy: Policy,
  options: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), `${id}-`));
  for (const { path, text } of (await buildBundled(id, policy, options)).files)
    await writeFile(join(directory, path), text);
  return directory;
}

/** An address that the first rule lets through in both weeks. */
export function commonAddress(before: Policy, after: Policy, family: 4 | 6): string {
  const common = before.rules[0]!.addresses.intersection(after.rules[0]!.addresses);
  const [range] = family === 4 ? common.ipv4.ranges() : common.ipv6.ranges();
  return formatAddress(family, range!.first + 1n);
}
