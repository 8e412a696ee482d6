import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { resolvePolicy } from '../../src/policy/resolve.ts';
import { AROUND_NFTABLES, aroundIptables, Gateway } from '../support/gateway.ts';
import { M365_SETS, m365Sets } from '../support/m365.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { writeRuleFiles } from '../support/successive-weeks.ts';

const absent = lacks('nft', 'ipset', 'iptables-nft', 'iptables-legacy', 'ip', 'nsenter') || lacksNamespaces();

/** Exchange over QUIC (set 1), media of Teams (set 11), and a rule of the configuration's own. */
const CONFIGURATION = `version: 1
rules:
  - { name: office, m365: [{ ids: [1, 10, 11] }] }
  - { name: time, prefixes: [198.18.5.0/24, "2001:db8:5::/48"], ports: [123/udp, 853] }
targets: { iptables: {}, nftables: {} }
`;

const policy = resolvePolicy(
  parseConfig(CONFIGURATION, 'allowlist.yaml').rules,
  new Map(),
  new Map(),
  m365Sets(M365_SETS),
);

/** What is sent to, and whether a datagram and a connection get through. */
const PLACES: readonly (readonly [address: string, port: number, udp: boolean, tcp: boolean])[] = [
  ['203.0.113.1', 3477, false, false],
  ['203.0.113.1', 3478, true, false],
  ['203.0.113.63', 3481, true, false],
  ['203.0.113.1', 3482, false, false],
  ['203.0.113.64', 3478, false, false],
  ['203.0.113.70', 25, false, true],
  ['198.51.100.5', 443, true, true],
  ['198.51.100.5', 80, false, true],
  ['2001:db8:1::5', 443, true, true],
  ['2001:db8:1::5', 80, false, true],
  ['2001:db8:2::5', 443, false, false],
  ['198.18.5.255', 123, true, false],
  ['198.18.6.0', 123, false, false],
  ['198.18.5.1', 853, false, true],
  ['2001:db8:5::1', 123, true, false],
  ['2001:db8:5::1', 853, false, true],
  ['2001:db8:6::1', 123, false, false],
];
const PORTS = [...new Set(PLACES.map(([, port]) => port))];

/** What the README of a target asks of the user's own rules, and how its files are loaded. */
const TARGETS = [
  ...['nft', 'legacy'].map(
    (backend) =>
      [
        `iptables, ${backend} backend`,
        'iptables',
        { XTABLES: backend },
        aroundIptables(`iptables-${backend}`, `ip6tables-${backend}`),
      ] as const,
  ),
  ['nftables', 'nftables', {}, AROUND_NFTABLES] as const,
];

describe.skipIf(absent).each(TARGETS)('real datagrams through %s', (_, target, environment, own) => {
  let row: Gateway;
  beforeAll(async () => {
    row = await Gateway.open(PORTS, PORTS);
  });
  afterAll(() => row?.close());

  const attempts = PLACES.map(([address, port]) => [address, port] as const);

  it('pass where the policy asks for UDP and nowhere else, and connections where it asks for TCP', async () => {
    // Without a firewall everything comes back: what is missing later, the rules have taken.
    // A new link needs seconds until IPv6 finds its neighbours.
    await expect.poll(() => row.send(attempts), { timeout: 20_000 }).toEqual(PLACES.map(() => true));
    expect(await row.dial(attempts)).toEqual(PLACES.map(() => true));
    await row.gateway.script(own);
    const directory = await writeRuleFiles(target, policy);
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    // The same again changes nothing.
    for (let round = 0; round < 2; round++) {
      await row.gateway.must(['env', ...variables, 'sh', `${directory}/load.sh`]);
      expect(await row.send(attempts)).toEqual(PLACES.map(([, , udp]) => udp));
      expect(await row.dial(attempts)).toEqual(PLACES.map(([, , , tcp]) => tcp));
    }
  });
});
