import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/net/address.ts';
import { Gateway, Namespace } from '../support/gateway.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { sampleAddresses, sampleAttempts } from '../support/samples.ts';
import { commonAddress, successiveWeeks, writeRuleFiles } from '../support/successive-weeks.ts';

const absent = lacks('ipset', 'iptables-nft', 'iptables-legacy', 'ip', 'nsenter') || lacksNamespaces();
const SEED = 20250714;

/** What the README tells the reader to do, with the programs of one backend. */
function load(where: Namespace, directory: string, backend: string): Promise<string> {
  return where.must(['env', `XTABLES=${backend}`, 'sh', `${directory}/load.sh`]);
}

describe.skipIf(absent).each(['nft', 'legacy'])('iptables, %s backend, in a fresh namespace', (backend) => {
  it.each(successiveWeeks)(
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
        const directories = await Promise.all(policies.map((policy) => writeRuleFiles('iptables', policy)));
        for (const index of [0, 0, 1, 0]) await load(namespace, directories[index]!, backend);

        expect(await namespace.must([`iptables-${backend}`, '-S', 'MINE'])).toContain(
          '-s 192.0.2.1/32 -j DROP',
        );
        const rules = await namespace.must([`iptables-${backend}`, '-S', 'AZURE-ALLOW']);
        expect(rules.match(/-j ACCEPT/g)?.length).toBe(
          policies[0].rules.filter(({ addresses }) => !addresses.ipv4.isEmpty).length,
        );
        expect(await namespace.must(['ipset', 'list', '-name'])).not.toContain('-new');

        // The load gives the sets of these very files a suffix of their own.
        const loaded = (await namespace.must(['ipset', 'list', '-name'])).trim().split('\n');
        expect(new Set(loaded.map((name) => name.slice(-6))).size).toBe(1);
        const suffix = loaded[0]!.slice(-6);

        const random = seededRandom(SEED);
        const samples = policies[0].rules.flatMap((rule) =>
          ([4, 6] as const).flatMap((family) => {
            const set = family === 4 ? rule.addresses.ipv4 : rule.addresses.ipv6;
            return set.isEmpty
              ? []
              : sampleAddresses(set, 250, random).map((address) => ({
                  name: `az-${rule.name}-${family}${suffix}`,
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
      const directory = await writeRuleFiles('iptables', samplePolicy());
      await namespace.script(
        'ipset create az-connector-4-new hash:net maxelem 1048576; ipset add az-connector-4-new 10.0.0.0/8',
      );
      await load(namespace, directory, backend);
      expect(await namespace.must(['ipset', 'list'])).toContain('az-connector-4-');
      expect(await namespace.must(['ipset', 'list'])).not.toContain('10.0.0.0/8');
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

  it.each(successiveWeeks)(
    '%s: lets exactly the addresses and ports of the policy through',
    async (_, policy) => {
      await load(row.gateway, await writeRuleFiles('iptables', policy), backend);
      const { attempts, expected } = sampleAttempts(policy.rules, PORTS, 500, seededRandom(SEED));
      const found = await row.dial(attempts);
      expect(expected.filter(Boolean).length).toBeGreaterThan(100);
      expect(expected.filter((passes) => !passes).length).toBeGreaterThan(100);
      expect(attempts.filter((_attempt, index) => found[index] !== expected[index])).toEqual([]);
    },
  );

  it('lets only the clients of a rule through, in either family', async () => {
    const { first, second } = await row.secondClient();
    const policy = makePolicy(
      {
        name: 'own',
        prefixes: ['192.0.2.0/24', '2001:db8::/48'],
        ports: '80,443',
        clients: ['10.99.1.3', 'fd99:1::3'],
      },
      { name: 'open', prefixes: ['198.51.100.0/24', '2001:db8:1::/48'] },
      { name: 'ipv4-only', prefixes: ['203.0.113.0/24', '2001:db8:2::/48'], clients: ['10.99.1.0/24'] },
    );
    await load(row.gateway, await writeRuleFiles('iptables', policy), backend);
    const attempts = [
      ['192.0.2.7', 80],
      ['192.0.2.7', 443],
      ['2001:db8::7', 443],
      ['198.51.100.7', 443],
      ['2001:db8:1::7', 443],
      ['203.0.113.7', 443],
      ['2001:db8:2::7', 443],
    ] as const;
    expect(await row.dial(attempts, second)).toEqual([true, true, true, true, true, true, false]);
    expect(await row.dial(attempts, first)).toEqual([false, false, false, true, true, true, false]);
  });

  it.each(successiveWeeks)(
    '%s: a change of the week loses no packet of a connection',
    async (_, before, after) => {
      const directories = await Promise.all(
        [before, after].map((policy) => writeRuleFiles('iptables', policy)),
      );
      for (const family of [4, 6] as const) {
        const command = family === 4 ? `iptables-${backend}` : `ip6tables-${backend}`;
        const address = commonAddress(before, after, family);
        // Packets to this address alone: those of earlier connections are none of this test.
        await row.gateway.must([command, '-I', 'FORWARD', '3', '-d', address, '-j', 'DROP']);
        const dropped = async () => {
          const rules = await row.gateway.must([command, '-v', '-x', '-n', '-L', 'FORWARD', '3']);
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
        const prefix = `az-${before.rules[0]!.name}-${family}-`;
        const set = (await row.gateway.must(['ipset', 'list', '-name']))
          .split('\n')
          .find((name) => name.startsWith(prefix));
        await row.stream(address, 443, async () => {
          await row.gateway.script(`ipset save ${set} | grep ^add > /tmp/$$.ipset; ipset flush ${set}; sleep 0.1
          ipset restore -file /tmp/$$.ipset; rm /tmp/$$.ipset`);
        });
        expect(await dropped()).toBeGreaterThan(start);
      }
    },
  );
});
