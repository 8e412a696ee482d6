import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/net/address.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { Gateway, Namespace } from '../support/gateway.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { buildBundled } from '../support/rule-files.ts';
import { sampleAddresses, sampleAttempts } from '../support/samples.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

const absent = lacks('ipset', 'iptables-nft', 'iptables-legacy', 'ip', 'nsenter') || lacksNamespaces();
const SEED = 20250714;

/** Two policies that follow each other: address and port sets differ, much stays. */
const weeks: [string, Policy, Policy][] = [
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

async function written(policy: Policy): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'iptables-'));
  for (const { path, text } of (await buildBundled('iptables', policy)).files)
    await writeFile(join(directory, path), text);
  return directory;
}

/** What the README tells the reader to do, with the programs of one backend. */
function load(where: Namespace, directory: string, backend: string): Promise<string> {
  return where.script(`
    cd ${directory}
    ipset restore -file azure.ipset
    iptables-${backend}-restore --noflush iptables.rules
    ip6tables-${backend}-restore --noflush ip6tables.rules
  `);
}

describe.skipIf(absent).each(['nft', 'legacy'])('iptables, %s backend, in a fresh namespace', (backend) => {
  it.each(weeks)(
    '%s: loads twice, leaves other chains alone, holds the right addresses',
    async (_, ...policies) => {
      const namespace = await Namespace.open();
      try {
        await namespace.script(`
        iptables-${backend} -N MINE
        iptables-${backend} -A MINE -s 192.0.2.1 -j DROP
        ip6tables-${backend} -N MINE
      `);
        // The first load, the same again, the next week, and back.
        const directories = await Promise.all(policies.map(written));
        for (const index of [0, 0, 1, 0]) await load(namespace, directories[index]!, backend);

        expect(await namespace.must([`iptables-${backend}`, '-S', 'MINE'])).toContain(
          '-s 192.0.2.1/32 -j DROP',
        );
        const rules = await namespace.must([`iptables-${backend}`, '-S', 'AZURE-ALLOW']);
        expect(rules.match(/-j ACCEPT/g)?.length).toBe(
          policies[0].rules.filter(({ addresses }) => !addresses.ipv4.isEmpty).length,
        );
        expect(await namespace.must(['ipset', 'list', '-name'])).not.toContain('-new');

        const random = seededRandom(SEED);
        const samples = policies[0].rules.flatMap((rule) =>
          ([4, 6] as const).flatMap((family) => {
            const set = family === 4 ? rule.addresses.ipv4 : rule.addresses.ipv6;
            return set.isEmpty
              ? []
              : sampleAddresses(set, 250, random).map((address) => ({
                  name: `az-${rule.name}-${family}`,
                  address: formatAddress(family, address),
                  member: set.contains(address),
                }));
          }),
        );
        const answers = await namespace.must(
          [
            'sh',
            '-c',
            'while read set address; do ipset -q test "$set" "$address" && echo yes || echo no; done',
          ],
          samples.map(({ name, address }) => `${name} ${address}\n`).join(''),
        );
        expect(samples.length).toBeGreaterThanOrEqual(750);
        expect(answers.trim().split('\n')).toEqual(samples.map(({ member }) => (member ? 'yes' : 'no')));
      } finally {
        namespace.close();
      }
    },
  );

  it('loads again after a load that failed half way', async () => {
    const namespace = await Namespace.open();
    try {
      const directory = await written(samplePolicy());
      await namespace.script(
        'ipset create az-connector-4-new hash:net maxelem 1048576; ipset add az-connector-4-new 10.0.0.0/8',
      );
      await load(namespace, directory, backend);
      expect(await namespace.must(['ipset', 'list', 'az-connector-4'])).not.toContain('10.0.0.0/8');
    } finally {
      namespace.close();
    }
  });
});

const PORTS = [80, 443, 444, 1433, 8443];

describe.skipIf(absent).each(['nft', 'legacy'])('iptables, %s backend, on a gateway', (backend) => {
  let row: Gateway;
  beforeAll(async () => {
    row = await Gateway.open(PORTS);
    for (const command of [`iptables-${backend}`, `ip6tables-${backend}`])
      await row.gateway.script(`
        ${command} -N AZURE-ALLOW
        ${command} -A FORWARD -i outside -j ACCEPT
        ${command} -A FORWARD -j AZURE-ALLOW
        ${command} -A FORWARD -j DROP
      `);
  });
  afterAll(() => row?.close());

  it.each(weeks)('%s: lets exactly the addresses and ports of the policy through', async (_, policy) => {
    await load(row.gateway, await written(policy), backend);
    const { attempts, expected } = sampleAttempts(policy.rules, PORTS, 500, seededRandom(SEED));
    const found = await row.dial(attempts);
    expect(expected.filter(Boolean).length).toBeGreaterThan(100);
    expect(expected.filter((passes) => !passes).length).toBeGreaterThan(100);
    expect(attempts.filter((_attempt, index) => found[index] !== expected[index])).toEqual([]);
  });

  it.each(weeks)('%s: a change of the week loses no packet of a connection', async (_, before, after) => {
    const common = [before, after]
      .map(({ rules }) => rules[0]!.addresses)
      .reduce((all, addresses) => all.intersection(addresses));
    const directories = await Promise.all([before, after].map(written));
    for (const family of [4, 6] as const) {
      const command = family === 4 ? `iptables-${backend}` : `ip6tables-${backend}`;
      const [range] = family === 4 ? common.ipv4.ranges() : common.ipv6.ranges();
      const address = formatAddress(family, range!.first + 1n);
      const dropped = async () => {
        const rules = await row.gateway.must([command, '-v', '-x', '-n', '-L', 'FORWARD']);
        return Number(/^\s*(\d+)\s+\d+\s+DROP /m.exec(rules)?.[1]);
      };
      await load(row.gateway, directories[0]!, backend);
      const start = await dropped();
      const { rounds } = await row.stream(address, 443, async () => {
        for (let week = 1; week <= 10; week++) await load(row.gateway, directories[week % 2]!, backend);
      });
      expect(rounds).toBeGreaterThan(100);
      expect(await dropped()).toBe(start);

      // The same measurement sees the packets that an update in place loses.
      const set = `az-${before.rules[0]!.name}-${family}`;
      await row.stream(address, 443, async () => {
        await row.gateway.script(`ipset save ${set} | grep ^add > /tmp/$$.ipset; ipset flush ${set}; sleep 0.1
          ipset restore -file /tmp/$$.ipset; rm /tmp/$$.ipset`);
      });
      expect(await dropped()).toBeGreaterThan(start);
    }
  });
});
