import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatAddress, parseAddress } from '../../src/net/address.ts';
import { lastAddress, parsePrefix } from '../../src/net/prefix.ts';
import { GuardRefusal } from '../../src/problem.ts';
import { buildTarget, proveReadBack, proveSettings } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import type { RuleFile } from '../../src/targets/render.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { exampleOptions } from '../support/manifests.ts';
import { makePolicy, type RuleParts, samplePolicy } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';
import { buildBundled } from '../support/rule-files.ts';
import { sampleAddresses } from '../support/samples.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

/*
 * Targets whose files are documents that say what shall be, read here a second time and on its own, by what the
 * vendors' documents say of each field.
 */

const MIXED = makePolicy(
  {
    name: 'web',
    names: { '443': ['login.example.net', '*.example.com'], '80': ['.example.org'] },
    prefixes: ['192.0.2.0/24', '2001:db8::/48'],
    ports: '80,443,443/udp',
    addressUse: 'always',
  },
  { name: 'media', prefixes: ['203.0.113.0/26', '198.51.100.7/32'], ports: '3478-3481/udp' },
  { name: 'sql', prefixes: ['198.18.0.0/16'], ports: '1433,11000-11999' },
);

interface Packet {
  /** An address or a name. */
  readonly to: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

type Json = ReturnType<typeof JSON.parse>;

const holds = (prefix: string, to: string): boolean => {
  if (/[g-z]/.test(to)) return false;
  const { family, first } = parsePrefix(prefix);
  const target = parseAddress(to);
  return (
    family === target.family && first <= target.value && target.value <= lastAddress(parsePrefix(prefix))
  );
};
const spans = (text: string, port: number): boolean => {
  const [first, last = first] = text.split(/[-:]/).map(Number);
  return first! <= port && port <= last!;
};
const documents = (files: readonly RuleFile[]): Json[] =>
  files.filter(({ path }) => path !== 'about.txt').map(({ text }) => parse(text));

const READERS: Readonly<Record<string, (files: readonly RuleFile[], packet: Packet) => boolean>> = {
  cilium: (files, { to, port, protocol }) =>
    documents(files).some(({ kind, spec }) => {
      expect(kind).toBe('CiliumNetworkPolicy');
      return spec.egress.some((rule: Json) => {
        // A rule of names has no other destination.
        expect(Object.keys(rule).length).toBe(2);
        return (
          rule.toPorts[0].ports.some(
            (one: Json) =>
              one.protocol.toLowerCase() === protocol &&
              spans(`${one.port}-${one.endPort ?? one.port}`, port),
          ) &&
          (rule.toCIDRSet?.some(({ cidr }: Json) => holds(cidr, to)) ??
            rule.toFQDNs.some(({ matchName, matchPattern }: Json) =>
              matchName === undefined
                ? /[g-z]/.test(to) && to.endsWith(matchPattern.slice(2))
                : to === matchName,
            ))
        );
      });
    }),
  calico: (files, { to, port, protocol }) => {
    const all = documents(files);
    const sets = all.filter(({ kind }) => kind === 'GlobalNetworkSet');
    return all.some(({ kind, spec }) =>
      kind !== 'GlobalNetworkPolicy'
        ? false
        : spec.egress.some(({ action, protocol: own, destination }: Json) => {
            expect(action).toBe('Allow');
            const [, label, value] = /^(\S+) == '(.+)'$/.exec(destination.selector)!;
            return (
              own.toLowerCase() === protocol &&
              destination.ports.some((text: Json) => spans(String(text), port)) &&
              sets.some(
                ({ metadata, spec: { nets } }) =>
                  metadata.labels[label!] === value && nets.some((net: string) => holds(net, to)),
              )
            );
          }),
    );
  },
  azure: (files, { to, port, protocol }) => {
    const { resource } = JSON.parse(files.find(({ path }) => path === 'azure.tf.json')!.text) as Json;
    const [collection] =
      resource.azurerm_firewall_policy_rule_collection_group['azure-allowlist'].network_rule_collection;
    expect(collection.action).toBe('Allow');
    return collection.rule.some(
      (rule: Json) =>
        rule.protocols.includes(protocol.toUpperCase()) &&
        rule.destination_ports.some((text: string) => spans(text, port)) &&
        (rule.destination_fqdns?.includes(to) ||
          rule.destination_ip_groups?.some((reference: string) => {
            const id = /^\$\{azurerm_ip_group\.(.+)\.id\}$/.exec(reference)![1]!;
            return resource.azurerm_ip_group[id].cidrs.some((cidr: string) => holds(cidr, to));
          })),
    );
  },
  'azure-nsg': (files, { to, port, protocol }) =>
    Object.values<Json>(
      (JSON.parse(files.find(({ path }) => path === 'azure.tf.json')!.text) as Json).resource
        .azurerm_network_security_rule,
    ).some(
      (rule) =>
        rule.protocol.toLowerCase() === protocol &&
        rule.destination_port_ranges.some((text: string) => spans(text, port)) &&
        rule.destination_address_prefixes.some((prefix: string) => holds(prefix, to)),
    ),
  'windows-firewall': ([file], { to, port, protocol }) => {
    const lines = file!.text.split('\n');
    const addresses = lines
      .flatMap((line) => /^Add-AzureAddress '(.+)' '(.+)'$/.exec(line) ?? [])
      .filter((_, at) => at % 3 > 0);
    return lines.some((line) => {
      const rule = /^Add-AzureRule '(.+)' '(.+)' '(.+)'$/.exec(line);
      if (rule === null || rule[2] !== protocol || !rule[3]!.split(',').some((text) => spans(text, port)))
        return false;
      return addresses.some((list, at) => at % 2 === 0 && list === rule[1] && holds(addresses[at + 1]!, to));
    });
  },
  'cisco-ftd': (files, { to }) =>
    documents(files).some(({ type, literals }) => {
      expect(type).toBe('NetworkGroup');
      return literals.some(({ type: kind, value }: Json) =>
        kind === 'Host' ? value === to : holds(value, to),
      );
    }),
  checkpoint: (files, { to }) =>
    (JSON.parse(files.find(({ path }) => path === 'azure.json')!.text) as Json).objects.some(
      ({ ranges }: Json) => ranges.some((range: string) => holds(range, to)),
    ),
  'aws-network-firewall': (files, { to, protocol }) => {
    const { aws_networkfirewall_rule_group: groups } = (
      JSON.parse(files.find(({ path }) => path === 'azure.tf.json')!.text) as Json
    ).resource;
    const { rules_source_list: list } = groups['azure-allowlist'].rule_group.rules_source;
    expect(list.generated_rules_type).toBe('ALLOWLIST');
    return (
      protocol === 'tcp' &&
      list.targets.some((one: string) => to === one || (one.startsWith('.') && `.${to}`.endsWith(one)))
    );
  },
  aws: (files, { to }) =>
    Object.values<Json>(
      (JSON.parse(files.find(({ path }) => path === 'azure.tf.json')!.text) as Json).resource
        .aws_ec2_managed_prefix_list,
    ).some(({ entry, max_entries }) => {
      expect(max_entries).toBeGreaterThanOrEqual(entry.length);
      return entry.some(({ cidr }: Json) => holds(cidr, to));
    }),
};

const NAMES = [
  'login.example.net',
  'x.login.example.net',
  'a.b.example.com',
  'example.com',
  'example.org',
  'a.example.org',
  'notexample.org',
];
const PORTS = [22, 80, 443, 444, 1433, 3478, 3482, 11_500];

describe.each(Object.keys(READERS))('%s', (id) => {
  it.each([
    ['the sample', samplePolicy()],
    ['TCP, UDP and names', MIXED],
  ])('lets through what it says that it does, and nothing else of what is tried: %s', async (_, policy) => {
    const { files, plan } = await buildBundled(id, policy);
    const random = seededRandom(4);
    const addresses = policy.rules.flatMap(({ addresses: { ipv4, ipv6 } }) =>
      [ipv4, ipv6].flatMap((set) =>
        set.isEmpty ? [] : sampleAddresses(set, 15, random).map((value) => formatAddress(set.family, value)),
      ),
    );
    let passed = 0;
    for (const to of [...addresses, ...NAMES])
      for (const protocol of ['tcp', 'udp'] as const) {
        const port = PORTS[below(random, PORTS.length)]!;
        const { hosts, addresses: admitted } = plan.admission.onPort(port, protocol);
        const isName = NAMES.includes(to);
        const { family, value } = isName ? { family: 4, value: 0n } : parseAddress(to);
        const expected = isName
          ? hosts.containsPattern({ name: to, apex: true, subdomains: false })
          : (family === 4 ? admitted.ipv4 : admitted.ipv6).contains(value);
        expect(READERS[id]!(files, { to, port, protocol }), `${to} ${port} ${protocol}`).toBe(expected);
        passed += Number(expected);
      }
    expect(passed).toBeGreaterThan(3);
  });
});

it('azure: the template of Azure Resource Manager says what the Terraform configuration says', async () => {
  const { files } = await buildBundled('azure', MIXED, { formats: 'terraform arm', priority: 300 });
  const json = (path: string) => JSON.parse(files.find((file) => file.path === path)!.text) as Json;
  const { resource } = json('azure.tf.json');
  const { resources } = json('azure.json');
  const group = resource.azurerm_firewall_policy_rule_collection_group['azure-allowlist'];
  const arm = resources.at(-1);
  expect(resources.slice(0, -1).map(({ name, properties }: Json) => [name, properties.ipAddresses])).toEqual(
    Object.values<Json>(resource.azurerm_ip_group).map(({ name, cidrs }) => [name, cidrs]),
  );
  expect([arm.properties.priority, arm.properties.ruleCollections[0].action.type]).toEqual([300, 'Allow']);
  const rules = arm.properties.ruleCollections[0].rules.map((rule: Json) => [
    rule.name,
    rule.ipProtocols,
    rule.sourceAddresses,
    rule.destinationPorts,
    rule.destinationFqdns ?? rule.destinationIpGroups.map((id: string) => /, '(.+)'\)/.exec(id)![1]),
  ]);
  expect(rules.length).toBeGreaterThan(3);
  expect(rules).toEqual(
    group.network_rule_collection[0].rule.map((rule: Json) => [
      rule.name,
      rule.protocols,
      rule.source_addresses,
      rule.destination_ports,
      rule.destination_fqdns ?? rule.destination_ip_groups.map((id: string) => id.split('.')[1]),
    ]),
  );
});

it.each([
  ['"type": "Allow"', '"type": "Deny"', /type/],
  ['"203.0.113.0/26"', '"203.0.113.0/25"', /differ/],
  ['"destinationPorts": ["1433"', '"destinationPorts": ["22"', /differ/],
  ["'azure-web-ipv4')]\"],", "'azure-sql-ipv4')]\"],", /differ|does not refer/],
  ['"ruleType": "NetworkRule"', '"ruleType": "NatRule"', /ruleType|Invalid/],
])('azure: a hand in the template alone, %j to %j, is refused', async (from, to, message) => {
  const { files, plan, target } = await buildBundled('azure', MIXED, { formats: 'terraform arm' });
  const edited = files.map(({ path, text }) => ({
    path,
    text: path === 'azure.json' ? text.replace(from, () => to) : text,
  }));
  expect(edited).not.toEqual(files);
  expect(() => proveReadBack(target, plan, edited)).toThrow(message);
});

describe('a hand in a document', () => {
  it.each([
    ['cilium', 'toCIDRSet:', 'toCIDR:', /egress/],
    ['cilium', '"**.example.com"', '"*.example.com"', /egress/],
    ['cilium', 'toFQDNs:', 'toEntities: [world]\n      toFQDNs:', /egress/],
    ['calico', 'action: Allow', 'action: Pass', /action/],
    ['calico', "set == 'web-ipv4'", "set == 'media-ipv4'", /missing/],
    ['calico', 'types: [Egress]', 'types: [Ingress]', /types/],
    ['azure', '"action": "Allow"', '"action": "Deny"', /action/],
    ['azure', 'azurerm_ip_group.azure-web-ipv4.id', 'azurerm_ip_group.azure-sql-ipv4.id', /does not refer/],
    ['azure', '"priority": 1000,\n        "network', '"priority": 1,\n        "network', /./],
    ['aws', '"max_entries": 10', '"max_entries": 1000', /is not the room/],
    ['aws', 'azure-web-ipv4.id}', 'azure-sql-ipv4.id}', /outputs/],
    ['aws-network-firewall', '"ALLOWLIST"', '"DENYLIST"', /resource|Invalid/],
    ['aws-network-firewall', '"HTTP_HOST", ', '', /resource|Invalid/],
    ['aws-network-firewall', '"capacity": 500', '"capacity": 1000', /is not the capacity/],
    ['aws-network-firewall', '".example.com"', '"example.com"', /missing/],
    ['cisco-ftd', '"NetworkGroup"', '"Network"', /type/],
    [
      'cisco-ftd',
      '"type": "Host", "value": "198.51.100.7"',
      '"type": "Host", "value": "198.51.100.7/32"',
      /is not of type Host/,
    ],
    ['cisco-ftd', 'rule media', 'rule web', /is not its description/],
    ['checkpoint', '"version": "1.0"', '"version": "2.0"', /version/],
    ['checkpoint', '"description": "rule web"', '"description": "rule sql"', /is not its description/],
    ['windows-firewall', "Action = 'Allow'", "Action = 'Block'", /not a line/],
    ['windows-firewall', ' | Remove-NetFirewallRule', '', /not a line/],
  ])('of %s, %j to %j, is refused', async (id, from, to, message) => {
    const { files, plan, target } = await buildBundled(id, MIXED);
    const edited = files.map(({ path, text }) => ({ path, text: text.replace(from, () => to) }));
    expect(edited).not.toEqual(files);
    expect(() => {
      const found = [
        ...proveReadBack(target, plan, edited),
        ...proveSettings(target, exampleOptions(target.manifest), edited),
      ];
      throw new Error(JSON.stringify(found));
    }).toThrow(message);
  });

  it.each([
    ['network-feeds.csv', '/azure-web-ipv4.txt', '/azure-sql-ipv4.txt', /not a network feed/],
    ['network-feeds.csv', 'IP Address', 'Domain', /not a network feed/],
    ['network-feeds.csv', /azure-sql-ipv4,.*\n/, '', /are expected/],
    ['azure-web-ipv4.txt', '192.0.2.0/24\n', '', /missing in web-ipv4/],
    ['azure-web-ipv4.txt', '192.0.2.0/24', '2001:db8::/48', /other family/],
    ['about.txt', '# ', '', /no comment/],
  ])('of a network feed of Check Point, in %s, is refused', async (path, from, to, message) => {
    const { files, plan, target } = await buildBundled('checkpoint', MIXED, {
      form: 'network-feeds',
      baseUrl: 'https://lists.example.com/checkpoint',
    });
    expect(files.map((file) => file.path)).toEqual([
      'about.txt',
      'azure-media-ipv4.txt',
      'azure-sql-ipv4.txt',
      'azure-web-ipv4.txt',
      'azure-web-ipv6.txt',
      'network-feeds.csv',
    ]);
    expect(proveReadBack(target, plan, files)).toEqual([]);
    const edited = files.map((file) =>
      file.path === path ? { path, text: file.text.replace(from, to) } : file,
    );
    expect(edited).not.toEqual(files);
    expect(() => {
      throw new Error(JSON.stringify(proveReadBack(target, plan, edited)));
    }).toThrow(message);
  });

  it('of a network feed needs to know where the lists are served', async () => {
    await expect(buildBundled('checkpoint', MIXED, { form: 'network-feeds' })).rejects.toThrow(
      'form network-feeds needs baseUrl',
    );
  });

  it('gives an object of Check Point the id that it had, whatever else is there', async () => {
    const ids = async (...rules: readonly RuleParts[]) =>
      Object.fromEntries(
        (
          JSON.parse((await buildBundled('checkpoint', makePolicy(...rules))).files[1]!.text) as Json
        ).objects.map(({ name, id }: Json) => [name, id]),
      );
    const one = await ids({ name: 'web', prefixes: ['192.0.2.0/24'] });
    const two = await ids(
      { name: 'aaa', prefixes: ['192.0.2.0/24'] },
      { name: 'web', prefixes: ['203.0.113.0/24'] },
    );
    expect(one['azure-web-ipv4']).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(two['azure-web-ipv4']).toBe(one['azure-web-ipv4']);
    expect(new Set(Object.values(two)).size).toBe(2);
  });
});

describe.skipIf(!feedsAvailable)('the largest real week', () => {
  const policy = () => {
    const week = readWeek('20250804');
    return makePolicy({ name: 'everything', prefixes: tagPrefixes(week, ...week.tags.keys()) });
  };

  it.each([
    ['aws', /(\d+) entries in the prefix list azure-everything-ipv4, 1000 at most/, 1000],
    ['azure', /(\d+) prefixes in the IP group azure-everything-ipv4, 5000 at most/, 5000],
    ['azure-nsg', /(\d+) prefixes, 4000 at most in the rules/, 4000],
  ])(
    'is over what %s holds, with the figures, and fits the budget that is named',
    async (id, message, entries) => {
      const target = await loadTarget(id);
      const request = { id, target, options: exampleOptions(target.manifest) };
      const all = policy();
      if (all.rules[0]!.addresses.ipv4.cover().length <= entries) {
        expect(buildTarget(all, request).entries).toBeLessThanOrEqual(entries);
        return;
      }
      expect(() => buildTarget(all, request)).toThrow(GuardRefusal);
      expect(() => buildTarget(all, request)).toThrow(message);
      const output = buildTarget(all, { ...request, budget: { entries, never: [] } });
      expect(output.entries).toBeLessThanOrEqual(entries);
      expect(output.plan.widenings.map(({ kind }) => kind)).toContain('budget');
    },
  );
});

it.each(['aws', 'checkpoint', 'cisco-ftd'])(
  '%s: a list is missed what another list has as well',
  async (id) => {
    const policy = makePolicy(
      { name: 'wide', prefixes: ['198.18.0.0/16', '192.0.2.0/24'], ports: '443' },
      { name: 'admin', prefixes: ['192.0.2.0/24', '203.0.113.0/26'], ports: '22' },
    );
    const target = await loadTarget(id);
    const { files, plan } = buildTarget(policy, { id, target, options: exampleOptions(target.manifest) });
    const other = files.map(({ path, text }) => ({
      path,
      // The last is that of `admin`; its length stays, and with it the room of a list of AWS.
      text:
        path === 'about.txt' || path.includes('wide')
          ? text
          : text.replace(/192\.0\.2\.0\/24(?![\s\S]*192\.0\.2\.0)/, '198.18.0.0/24'),
    }));
    expect(other).not.toEqual(files);
    const problems = proveReadBack(target, plan, other).map(({ what }) => what);
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/^missing in admin-ipv4: .*192\.0\.2\.0\/24$/);
    expect(problems[1]).toMatch(/^not in the policy in admin-ipv4: .*198\.18\.0\.0\/24$/);
  },
);
