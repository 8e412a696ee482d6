import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { loadEndpointTable } from '../../src/endpoints/load.ts';
import type { ServiceTag } from '../../src/feed/snapshot.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { keyOfPorts } from '../../src/net/method.ts';
import { formatPrefix, parsePrefix } from '../../src/net/prefix.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { resolvePolicy } from '../../src/policy/resolve.ts';

function tag(name: string, ...texts: string[]): [string, ServiceTag] {
  const prefixes = texts.map(parsePrefix);
  const addresses = DualStackSet.fromPrefixes(prefixes);
  return [
    name,
    {
      name,
      id: name,
      changeNumber: 1,
      region: '',
      systemService: '',
      platform: 'Azure',
      prefixes,
      prefixCount: prefixes.length,
      addresses,
    },
  ];
}

const TAGS = new Map([
  tag('AzureCloud', '198.51.100.128/25', '198.51.100.0/25', '2001:db8::/32'),
  tag('Storage.WestEurope', '192.0.2.0/24'),
]);

async function resolve(rules: string): Promise<Policy> {
  const config = parseConfig(`version: 1\nrules:\n${rules}\ntargets: { squid: {} }\n`, 'allowlist.yaml');
  const table = await loadEndpointTable('private-network-connector');
  return resolvePolicy(config.rules, new Map([[table.id, table]]), TAGS);
}

const names = ({ rules }: Policy) =>
  Object.fromEntries(rules[0]!.names.map(({ hosts, ...on }) => [keyOfPorts(on), hosts.toStrings()]));

describe('resolving a rule', () => {
  it('keeps the provenance of tags, numeric order, and the exact union', async () => {
    const policy = await resolve(
      '  - { name: a, serviceTags: [AzureCloud, Storage.WestEurope], prefixes: [192.0.3.0/24], ports: [443] }',
    );
    const [rule] = policy.rules;
    expect(rule?.tags.map(({ tag: name, prefixes }) => [name, prefixes.map(formatPrefix)])).toEqual([
      ['AzureCloud', ['198.51.100.0/25', '198.51.100.128/25', '2001:db8::/32']],
      ['Storage.WestEurope', ['192.0.2.0/24']],
    ]);
    expect(rule?.addresses.toStrings()).toEqual(['192.0.2.0/23', '198.51.100.0/24', '2001:db8::/32']);
  });

  it('takes the ports of the endpoints for the addresses where none are given', async () => {
    const policy = await resolve(
      '  - { name: a, endpoints: [private-network-connector], serviceTags: [AzureCloud] }',
    );
    expect(policy.rules[0]?.addressPorts.toString()).toBe('80,443');
    // The articles ask the proxy for tunnels; what is fetched by plain HTTP is on port 80. Ports, of tunnels, of plain requests.
    expect(names(policy)['80,443 80,443 80']).toContain('ctldl.windowsupdate.com');
    expect(names(policy)['80,443 80,443 ']).toEqual(['*.msappproxy.net', '*.servicebus.windows.net']);
    expect(names(policy)['443 443 ']).toContain('*.microsoftonline.com');
    expect(names(policy)['80']).toContain('crl.microsoft.com');
  });

  it('takes the methods of the rule for its hosts, and instead of those of the tables', async () => {
    const policy = await resolve(
      '  - { name: a, endpoints: [private-network-connector], hosts: [x.example.com], ports: [443], methods: [plain, tunnel] }',
    );
    expect(policy.rules[0]?.names.filter(({ by }) => by !== undefined)).toEqual([]);
    expect(policy.rules[0]?.rows[0]?.methods).toEqual(['tunnel']);
    const own = await resolve('  - { name: a, hosts: [x.example.com], ports: [443, 80], methods: [tunnel] }');
    expect(names(own)).toEqual({ '80,443 80,443 ': ['x.example.com'] });
    expect(own.digest).not.toBe(
      (await resolve('  - { name: a, hosts: [x.example.com], ports: [443, 80] }')).digest,
    );
  });

  it('leaves optional rows out unless their group is asked for', async () => {
    const without = await resolve('  - { name: a, endpoints: [private-network-connector] }');
    const rows = '{ table: private-network-connector, optional: [certificate-issuers] }';
    const having = await resolve(`  - { name: a, endpoints: [${rows}] }`);
    expect(names(without)['80']).not.toContain('cacerts.digicert.com');
    expect(names(having)['80']).toContain('cacerts.digicert.com');
  });

  it('gives a host the ports of every pattern that covers it, once', async () => {
    const rows = '{ table: private-network-connector, optional: [certificate-issuers] }';
    const policy = await resolve(
      `  - { name: a, endpoints: [${rows}], hosts: ['.digicert.com', x.example.com, '*.example.com'], ports: [443] }`,
    );
    expect(names(policy)['80,443']).toEqual(
      expect.arrayContaining(['crl3.digicert.com', 'cacerts.digicert.com']),
    );
    expect(names(policy)['443']).toEqual(expect.arrayContaining(['.digicert.com', '*.example.com']));
    expect(names(policy)['443']).not.toContain('x.example.com');
  });

  it('has a digest that follows addresses and not how they are cut', async () => {
    const rule = (prefixes: string) => `  - { name: a, prefixes: [${prefixes}], ports: [443] }`;
    const whole = await resolve(rule('192.0.2.0/24'));
    expect((await resolve(rule('192.0.2.0/25, 192.0.2.128/25'))).digest).toBe(whole.digest);
    expect((await resolve(rule('192.0.2.0/25'))).digest).not.toBe(whole.digest);
    expect((await resolve(rule('192.0.2.0/24').replace('443', '80'))).digest).not.toBe(whole.digest);
  });
});
