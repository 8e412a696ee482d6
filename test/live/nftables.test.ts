import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/net/address.ts';
import { Gateway, Namespace } from '../support/gateway.ts';
import { makePolicy } from '../support/policy.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { sampleAddresses, sampleAttempts } from '../support/samples.ts';
import { commonAddress, successiveWeeks, writeRuleFiles } from '../support/successive-weeks.ts';

const absent = lacks('nft', 'ip', 'nsenter') || lacksNamespaces();
const SEED = 20250714;
const PORTS = [80, 443, 444, 1433, 8443];

/** The user's own table, as the README has it. */
const OWN_TABLE = `
  table inet filter {
    counter refused { }
    set watched4 { type ipv4_addr; }
    set watched6 { type ipv6_addr; }
    chain forward {
      type filter hook forward priority filter; policy drop;
      iifname "outside" accept
      meta mark & 0x00001000 == 0x00001000 accept
      ip daddr @watched4 counter name refused
      ip6 daddr @watched6 counter name refused
    }
  }
`;

describe.skipIf(absent)('nftables, in a fresh namespace', () => {
  it.each(successiveWeeks)('%s: loads again and again, holds the right addresses', async (_, ...policies) => {
    const namespace = await Namespace.open();
    try {
      await namespace.must(['nft', '-f', '-'], OWN_TABLE);
      const directories = await Promise.all(policies.map((policy) => writeRuleFiles('nftables', policy)));
      for (const index of [0, 0, 1, 0]) {
        await namespace.must(['nft', '-c', '-f', `${directories[index]}/azure-sets.nft`]);
        await namespace.must(['sh', `${directories[index]}/load.sh`]);
      }
      expect(await namespace.must(['nft', 'list', 'tables'])).toBe(
        'table inet filter\ntable inet azure_allow\n',
      );

      const loaded = await namespace.must(['nft', '-t', 'list', 'table', 'inet', 'azure_allow']);
      const sets = [...loaded.matchAll(/\tset (\S+) /g)].map(([, name]) => name!);
      expect(sets.length).toBe(
        policies[0].rules.reduce(
          (sum, { addresses: { ipv4, ipv6 } }) => sum + Number(!ipv4.isEmpty) + Number(!ipv6.isEmpty),
          0,
        ),
      );
      const random = seededRandom(SEED);
      const samples = policies[0].rules.flatMap((rule) =>
        ([4, 6] as const).flatMap((family) => {
          const set = family === 4 ? rule.addresses.ipv4 : rule.addresses.ipv6;
          return set.isEmpty
            ? []
            : sampleAddresses(set, 50, random).map((address) => ({
                name: sets.find((name) => name.startsWith(`${rule.name}_ipv${family}_`))!,
                address: formatAddress(family, address),
                member: set.contains(address),
              }));
        }),
      );
      // One at a time: nft 1.0.6 crashes when asked for many.
      const answers = await namespace.must(
        [
          'sh',
          '-c',
          'while read s a; do nft get element inet azure_allow $s "{ $a }" >&2 && echo yes || echo no; done',
        ],
        samples.map(({ name, address }) => `${name} ${address}\n`).join(''),
      );
      expect(answers.trim().split('\n')).toEqual(samples.map(({ member }) => (member ? 'yes' : 'no')));
    } finally {
      namespace.close();
    }
  });

  it('takes all addresses of a family', async () => {
    const namespace = await Namespace.open();
    try {
      const directory = await writeRuleFiles(
        'nftables',
        makePolicy({ name: 'all', prefixes: ['0.0.0.0/0', '::/0'] }),
      );
      await namespace.must(['sh', `${directory}/load.sh`]);
      await namespace.script(
        `set=$(nft -t list table inet azure_allow | sed -n 's/.*set \\(all_ipv6[^ ]*\\) {/\\1/p')
         nft get element inet azure_allow $set '{ 2001:db8::1 }'`,
      );
    } finally {
      namespace.close();
    }
  });
});

describe.skipIf(absent)('nftables, on a gateway', () => {
  let row: Gateway;
  beforeAll(async () => {
    row = await Gateway.open(PORTS);
    await row.gateway.must(['nft', '-f', '-'], OWN_TABLE);
  });
  afterAll(() => row?.close());

  const load = (directory: string) => row.gateway.must(['sh', `${directory}/load.sh`]);
  const refused = async () => {
    const counter = await row.gateway.must(['nft', 'list', 'counter', 'inet', 'filter', 'refused']);
    return Number(/packets (\d+)/.exec(counter)?.[1]);
  };

  it.each(successiveWeeks)(
    '%s: lets exactly the addresses and ports of the policy through',
    async (_, policy) => {
      await load(await writeRuleFiles('nftables', policy));
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
    await load(await writeRuleFiles('nftables', policy));
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
        [before, after].map((policy) => writeRuleFiles('nftables', policy)),
      );
      for (const family of [4, 6] as const) {
        const address = commonAddress(before, after, family);
        await row.gateway.must([
          'nft',
          'add',
          'element',
          'inet',
          'filter',
          `watched${family}`,
          `{ ${address} }`,
        ]);
        await load(directories[0]!);
        const start = await refused();
        const { rounds } = await row.stream(address, 443, async () => {
          for (let week = 1; week <= 10; week++) await load(directories[week % 2]!);
        });
        expect(rounds).toBeGreaterThan(100);
        expect(await refused()).toBe(start);

        // The same measurement sees the packets that two transactions lose.
        await row.stream(address, 443, async () => {
          await row.gateway.script(
            `nft delete table inet azure_allow; sleep 0.1; sh ${directories[0]}/load.sh`,
          );
        });
        expect(await refused()).toBeGreaterThan(start);
      }
    },
  );
});
