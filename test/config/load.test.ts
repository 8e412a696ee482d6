import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { formatHostPattern } from '../../src/net/host-pattern.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import type { AllowlistError } from '../../src/problem.ts';

const GOOD = `
version: 1
rules:
  - name: connector
    endpoints: [private-network-connector]
    serviceTags: [AzureCloud, AzureActiveDirectory]
  - name: partner
    hosts: ['*.Example.com', b.example.net]
    prefixes: [192.0.2.7, 2001:DB8::/32]
    ports: [443, '8080-8090']
    addresses: always
targets:
  pac: { otherwise: 'PROXY proxy.example:8080', addresses: never }
  squid:
`;

function problemsOf(text: string): string[] {
  try {
    parseConfig(text, 'allowlist.yaml');
  } catch (error) {
    return (error as AllowlistError).problems.map(
      ({ where, what, next }) => `${where}: ${what}${next === undefined ? '' : ` — ${next}`}`,
    );
  }
  return [];
}

const RULES = 'version: 1\ntargets: { squid: {} }\nrules:\n';

describe('a configuration', () => {
  it('becomes precise types, with defaults', () => {
    const config = parseConfig(GOOD, '/etc/allowlist.yaml');
    expect(config.output).toBe('/etc/allowlists');
    expect(config.feed).toEqual({
      cloud: 'public',
      source: { kind: 'download' },
      http: {},
      m365: { instance: 'Worldwide' },
      cache: {},
    });
    expect(config.rules[0]).toMatchObject({ name: 'connector', addressUse: 'fallback', ports: undefined });
    expect(config.rules[1]?.hosts.map(formatHostPattern)).toEqual(['*.example.com', 'b.example.net']);
    expect(config.rules[1]?.prefixes.map(formatPrefix)).toEqual(['192.0.2.7/32', '2001:db8::/32']);
    expect(String(config.rules[1]?.ports)).toBe('443,8080-8090');
    expect(config.targets).toEqual([
      {
        id: 'pac',
        template: undefined,
        addressUse: 'never',
        budget: undefined,
        options: { otherwise: 'PROXY proxy.example:8080' },
      },
      { id: 'squid', template: undefined, addressUse: undefined, budget: undefined, options: {} },
    ]);
  });

  it.each([
    [
      'a rehearsal of what is no target',
      `${GOOD}\npublish: { rehearse: [squid, nftables] }`,
      'line 16, publish.rehearse[1]: nftables is not a target here — add it to targets, or remove it',
    ],
    [
      'a rehearsal of a user template',
      `${GOOD.replace('  squid:', '  squid: { template: mine }')}\npublish: { rehearse: [squid] }`,
      'line 16, publish.rehearse[0]: squid is a template of your own, only the bundled target is rehearsed',
    ],
    [
      'an unknown key',
      GOOD.replace('serviceTags', 'serviceTag'),
      'line 6, rules[0].serviceTag: unknown key — did you mean serviceTags?',
    ],
    ['an unknown key at the top', `${GOOD}\nrule: []`, 'line 16, rule: unknown key — did you mean rules?'],
    [
      'a CIDR out of range',
      GOOD.replace('192.0.2.7', '192.0.2.7/33'),
      'line 9, rules[1].prefixes[0]: "192.0.2.7/33" is not an address or CIDR',
    ],
    [
      'host bits',
      GOOD.replace('192.0.2.7', '192.0.2.7/24'),
      'line 9, rules[1].prefixes[0]: "192.0.2.7/24" has host bits set; did you mean 192.0.2.0/24 or 192.0.2.7/32?',
    ],
    [
      'a port out of range',
      GOOD.replace('443,', '70000,'),
      'line 10, rules[1].ports[0]: Too big: expected number to be <=65535, not 70000',
    ],
    [
      'a range of ports in a number',
      GOOD.replace("'8080-8090'", "'443,80'"),
      'line 10, rules[1].ports[1]: "443,80" is not a port (443), a range (8080-8090), or one of UDP (3478-3481/udp)',
    ],
    [
      'a URL for a host',
      GOOD.replace('b.example.net', 'https://b.example.net/'),
      'line 8, rules[1].hosts[1]: "https://b.example.net/" is not a host name: a scheme, port, path or space does not belong here',
    ],
    [
      'a tag with a newline',
      GOOD.replace('[AzureCloud,', '["Azure\\nCloud",'),
      'line 6, rules[0].serviceTags[0]: "Azure\\nCloud" is not the name of a service tag — letters, digits and dots',
    ],
    [
      'a rule name for a shell',
      GOOD.replace('name: partner', 'name: a;b'),
      'line 7, rules[1].name: "a;b" cannot be part of object names — a lower-case letter, then letters, digits and hyphens, 20 characters at most',
    ],
    [
      'two rules of one name',
      GOOD.replace('name: partner', 'name: connector'),
      'line 7, rules[1].name: rules[0] is named "connector" too',
    ],
    [
      'a missing port',
      GOOD.replace(/ {4}ports:.*\n/, ''),
      'line 7, rules[1].ports: is required for hosts and addresses without endpoints — e.g. `ports: [443]`',
    ],
    [
      'an address use without addresses',
      GOOD.replace(/ {4}prefixes:.*\n/, ''),
      'line 10, rules[1].addresses: only means something in a rule that has both names and addresses — remove the key',
    ],
    [
      'a future version',
      GOOD.replace('version: 1', 'version: 2'),
      'line 2, version: is 2, for a later azure-allowlist; this one reads version 1 — update the program',
    ],
    [
      'a long name of a rule with m365',
      `${RULES}  - { name: microsoft-365, m365: [{}] }\n`,
      'line 4, rules[0].name: "microsoft-365" has 13 characters; a rule with m365 may have 11 — shorten it: the ports of the endpoint sets are added, as in `exchange-443`',
    ],
    [
      'ports that no endpoint set has',
      `${RULES}  - { name: office, ports: [443], m365: [{}] }\n`,
      'line 4, rules[0].ports: means nothing for m365: its endpoint sets have ports of their own — remove the key',
    ],
    [
      'a rule named like one that m365 becomes',
      `${RULES}  - { name: office, m365: [{}] }\n  - { name: office-443, hosts: [a.example.com], ports: [443] }\n`,
      'line 5, rules[1].name: may clash with the rules that "office" becomes, one for each port set of its m365 — rename one of the two',
    ],
    [
      'a cloud with two instances of Microsoft 365',
      `${RULES}  - { name: office, m365: [{}] }\nfeed: { cloud: usgov }\n`,
      'line 5, feed.m365.instance: is required for m365 in the cloud usgov — one of Worldwide, China, USGovDoD, USGovGCCHigh',
    ],
    [
      'an unknown key of a selector',
      `${RULES}  - { name: office, m365: [{ area: Exchange }] }\n`,
      'line 4, rules[0].m365[0].area: unknown key — did you mean serviceArea?',
    ],
    [
      'an unknown category',
      `${RULES}  - { name: office, m365: [{ category: Deny }] }\n`,
      'line 4, rules[0].m365[0].category: Invalid input: expected one or a list of Optimize, Allow, Default, not "Deny"',
    ],
    [
      'an empty m365',
      `${RULES}  - { name: office, m365: [] }\n`,
      'line 4, rules[0].m365: Too small: expected array to have >=1 items',
    ],
    ['a doubled key', GOOD.replace('  squid:', '  pac: {}'), 'line 14: Map keys must be unique'],
  ])('with %s is refused at its place', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('shows all problems together', () => {
    const text = GOOD.replace('192.0.2.7', '300.1.2.3')
      .replace('b.example.net', 'b..net')
      .replace('pac:', 'Pac!:');
    expect(problemsOf(text)).toHaveLength(3);
  });

  it('takes the methods of a rule for its names alone', () => {
    const with_ = (rule: string) =>
      `version: 1\ntargets: { squid: {} }\nrules:\n  - { name: a, ports: [443], ${rule} }\n`;
    const methodsOf = (rule: string) => parseConfig(with_(rule), 'a.yaml').rules[0]!.methods;
    expect(methodsOf('hosts: [a.example.net], methods: [plain, tunnel]')).toEqual(['tunnel', 'plain']);
    expect(methodsOf('hosts: [a.example.net]')).toBeUndefined();
    expect(problemsOf(with_('prefixes: [192.0.2.7], methods: [tunnel]'))).toEqual([
      'line 4, rules[0].methods: means something for the names of endpoints and hosts alone — remove the key',
    ]);
    expect(problemsOf(with_('hosts: [a.example.net], methods: [connect]'))).toHaveLength(1);
    expect(problemsOf(with_('hosts: [a.example.net], methods: []'))).toHaveLength(1);
  });

  it('takes the way of a rule, and the proxies with one of them alone', () => {
    const with_ = (rule: string) =>
      `version: 1\ntargets: { squid: {} }\nrules:\n  - { name: a, hosts: [a.example.net], ports: [443], ${rule} }\n`;
    const [rule] = parseConfig(with_('scenario: through-proxy, proxies: [192.0.2.20]'), 'a.yaml').rules;
    expect(rule).toMatchObject({ scenario: 'through-proxy' });
    expect(rule!.proxies?.map(formatPrefix)).toEqual(['192.0.2.20/32']);
    expect(parseConfig(with_('scenario: bypass-proxy'), 'a.yaml').rules[0]).not.toHaveProperty('proxies');
    const alone = 'means something with `scenario: through-proxy` alone — add it, or remove the key';
    for (const way of ['scenario: bypass-proxy, ', ''])
      expect(problemsOf(with_(`${way}proxies: [192.0.2.20]`))).toEqual([
        `line 4, rules[0].proxies: ${alone}`,
      ]);
    expect(problemsOf(with_('scenario: through-proxy, proxies: [0.0.0.0/0]'))).toHaveLength(1);
    expect(problemsOf(with_('scenario: around'))).toHaveLength(1);
  });

  it('names the clients of a rule and of a target as prefixes, and takes no whole family', () => {
    const with_ = (rule: string, target = '{}') =>
      `version: 1\ntargets: { squid: ${target} }\nrules:\n  - { name: a, hosts: [a.example.net], ports: [443]${rule} }\n`;
    const config = parseConfig(
      with_(", clients: [192.0.2.10, '2001:DB8::/64']", '{ clients: [192.0.2.20] }'),
      'a.yaml',
    );
    expect(config.rules[0]!.clients?.map(formatPrefix)).toEqual(['192.0.2.10/32', '2001:db8::/64']);
    expect(config.targets[0]!.clients?.map(formatPrefix)).toEqual(['192.0.2.20/32']);
    expect(config.targets[0]!.options).toEqual({});
    expect(parseConfig(with_(''), 'a.yaml').rules[0]).not.toHaveProperty('clients');
    expect(problemsOf(with_(', clients: [0.0.0.0/0, 10.0.0.1/8]', "{ clients: ['::/0', x] }"))).toEqual([
      expect.stringMatching(/^line 4, rules\[0\]\.clients\[1\]: .*10\.0\.0\.0\/8/),
      expect.stringMatching(/^line 4, rules\[0\]\.clients\[0\]: is every client of IPv4 — remove the key/),
      expect.stringMatching(/^line 2, targets\.squid\.clients\[1\]: /),
      expect.stringMatching(/^line 2, targets\.squid\.clients\[0\]: is every client of IPv6/),
    ]);
    expect(problemsOf(with_(', clients: []'))).toHaveLength(1);
    expect(problemsOf(`families: [4]\n${with_(", clients: ['2001:db8::1']")}`)).toEqual([
      expect.stringMatching(/rules\[0\]\.clients: 2001:db8::1\/128 is IPv6, which families leaves out/),
    ]);
  });
});
