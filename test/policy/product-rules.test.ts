import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { tableOfCloud } from '../../src/endpoints/endpoint-table.ts';
import { parseEndpointTable } from '../../src/endpoints/load.ts';
import { formatPrefix, parsePrefix } from '../../src/net/prefix.ts';
import { addressRulesOf, productRules } from '../../src/policy/product-rules.ts';
import { resolvePolicy } from '../../src/policy/resolve.ts';
import { ConfigurationError } from '../../src/problem.ts';

const head = (id: string) => `
id: ${id}
title: A service
clouds: [public, china]
confidence: high
sources: [{ id: manual, title: Manual, url: https://docs.example.com, date: 2026-01-02 }]
parameters: [{ id: region, kind: region, description: Where. }]
rows:
`;
const row = (rest: string) => `  - { ${rest}, purpose: Service., sources: [manual] }\n`;

const one = await parseEndpointTable(
  head('one') +
    row(
      'hosts: [a.example.com, "*.<region>.example.com"], ports: [443], coveredBy: [{ tag: AzureMonitor, basis: said }]',
    ) +
    row('hosts: [time.example.com], ports: [123/udp], notCovered: no') +
    row('hosts: ["*eh.example.com"], ports: [443], partialNames: omit, notCovered: no') +
    row('serviceTags: [AzureCloud.<region>], ports: [1194/udp, 9000]') +
    row('hosts: [only.example.cn], clouds: [china], ports: [443], notCovered: no'),
  'one.yaml',
);
const two = await parseEndpointTable(
  head('two') +
    row(
      'hosts: [a.example.com, b.example.com], ports: [443], coveredBy: [{ tag: AzureActiveDirectory, basis: said }]',
    ) +
    row('hosts: [c.example.com], ports: [80, 443], notCovered: no') +
    row('addresses: [192.0.2.0/24, "2001:db8::/32"], ports: [1194/udp]'),
  'two.yaml',
);

const product = (name = 'products') => ({
  product: 'x',
  name,
  groups: [],
  parameters: { region: ['germanywestcentral'] },
  addressUse: 'fallback' as const,
});

const asked = (names: readonly [string, string], families: readonly (4 | 6)[] = [4, 6]) =>
  productRules(
    [
      { product: product(names[0]), table: tableOfCloud(one, 'public') },
      { product: product(names[1]), table: tableOfCloud(two, 'public') },
    ],
    families,
  );

describe('products', () => {
  test('become a rule for each port set, together', () => {
    expect(
      asked(['products', 'products']).map(({ name, rows = [], serviceTags, prefixes, ports }) => ({
        name,
        rows: rows.map(({ table, host }) => `${table} ${host.name}`),
        tags: serviceTags,
        prefixes: prefixes.map(formatPrefix),
        ports: `${ports}`,
      })),
    ).toEqual([
      { name: 'products-80-443', rows: ['two c.example.com'], tags: [], prefixes: [], ports: '80,443' },
      {
        name: 'products-443',
        rows: [
          'one a.example.com',
          'one germanywestcentral.example.com',
          'two a.example.com',
          'two b.example.com',
        ],
        tags: ['AzureActiveDirectory', 'AzureMonitor'],
        prefixes: [],
        ports: '443',
      },
      { name: 'products-123u', rows: ['one time.example.com'], tags: [], prefixes: [], ports: '123/udp' },
      { name: 'products-a9000', rows: [], tags: ['AzureCloud.germanywc'], prefixes: [], ports: '9000' },
      {
        name: 'products-a1194u',
        rows: [],
        tags: ['AzureCloud.germanywc'],
        prefixes: ['192.0.2.0/24', '2001:db8::/32'],
        ports: '1194/udp',
      },
    ]);
  });

  test('of another name become rules of their own', () => {
    expect(asked(['products', 'two']).map(({ name }) => name)).toEqual([
      'products-443',
      'products-123u',
      'products-a9000',
      'products-a1194u',
      'two-80-443',
      'two-443',
      'two-a1194u',
    ]);
  });

  test('say nothing of a family that the network has not', () => {
    expect(asked(['products', 'products'], [4]).at(-1)?.prefixes.map(formatPrefix)).toEqual(['192.0.2.0/24']);
  });

  test('declare what no device matches, once', () => {
    const policy = resolvePolicy(asked(['products', 'products']), new Map(), new Map());
    expect(
      policy.rules.flatMap(({ name, omitted = [] }) => omitted.map(({ reason }) => [name, reason])),
    ).toEqual([
      ['products-80-443', 'one asks for *eh.example.com on port 443; no host pattern says that exactly'],
    ]);
    expect(policy.rules[1]?.names[0]?.hosts.toStrings()).toEqual([
      'a.example.com',
      'b.example.com',
      '*.germanywestcentral.example.com',
    ]);
  });
});

describe('products in a configuration', () => {
  const parse = (lines: string) =>
    parseConfig(`version: 1\n${lines}\ntargets: { squid: {} }\n`, '/c/allowlist.yaml');
  const problems = (lines: string) => {
    try {
      parse(lines);
    } catch (error) {
      if (error instanceof ConfigurationError)
        return error.problems.map(({ where, what }) => `${where}: ${what}`);
      throw error;
    }
    return [];
  };

  test('are a name, or a name with parameters', () => {
    expect(
      parse(
        'products: [arc-servers, { intune: { location: eu, groups: [macos], name: devices } }, { aks: {} }]',
      ).products,
    ).toEqual([
      { product: 'arc-servers', name: 'products', groups: [], parameters: {}, addressUse: 'fallback' },
      {
        product: 'intune',
        name: 'devices',
        groups: ['macos'],
        parameters: { location: ['eu'] },
        addressUse: 'fallback',
      },
      { product: 'aks', name: 'products', groups: [], parameters: {}, addressUse: 'fallback' },
    ]);
  });

  test.each([
    ['', ['line 1, rules: neither rules nor products are there']],
    ['products: [{ aks: {}, avd: {} }]', ['line 2, products[0]: exactly one product is needed']],
    [
      'products: [{ aks: { region: 4 } }]',
      ['line 2, products[0].aks.region: must be a text, or a list of texts'],
    ],
    ['products:\n  - aks\n  - aks', ['line 4, products[1]: aks is listed twice']],
    [
      'products: [{ aks: { name: a-name-too-long } }]',
      ['line 2, products[0].aks.name: "a-name-too-long" cannot begin the names of rules'],
    ],
    [
      'products: [aks, { avd: { addresses: never } }]',
      ['line 2, products[1].avd.addresses: is never, and fallback for aks, which shares its rules'],
    ],
    [
      'products: [aks]\nrules: [{ name: products-443, hosts: [a.example.com], ports: [443] }]',
      [
        'line 3, rules[0].name: may clash with the rules that the products of the name "products" become, one for each port set',
      ],
    ],
    [
      'rules: [{ name: mem, m365: [{ serviceArea: MEM }] }]',
      [
        'line 2, rules[0].m365[0].serviceArea: the endpoints service no longer returns right data for MEM, as Microsoft says (Intune network endpoints, 2026-03-24)',
      ],
    ],
  ])('%s', (lines, expected) => {
    expect(problems(lines)).toEqual(expected);
  });
});

const configOf = (lines: string) =>
  parseConfig(`version: 1\n${lines}\ntargets: { squid: {} }\n`, '/c/allowlist.yaml');

describe('whom it is for', () => {
  const clients = [parsePrefix('192.0.2.10/32')];
  const proxies = [parsePrefix('192.0.2.20/32')];
  const way = { clients, scenario: 'through-proxy', proxies } as const;

  test('holds for every rule of a product, and the methods for those of names', () => {
    const rules = productRules(
      [{ product: { ...product(), ...way, methods: ['tunnel'] }, table: tableOfCloud(one, 'public') }],
      [4, 6],
    );
    expect(rules.map(({ name, methods }) => [name, methods])).toEqual([
      ['products-443', ['tunnel']],
      ['products-123u', ['tunnel']],
      ['products-a9000', undefined],
      ['products-a1194u', undefined],
    ]);
    for (const rule of rules) expect(rule, rule.name).toMatchObject(way);
  });

  test('holds for the addresses that the tables of a rule ask for', () => {
    const { rules } = parseConfig(
      'version: 1\nrules: [{ name: r, endpoints: [private-network-connector] }]\ntargets: { squid: {} }\n',
      '/c/allowlist.yaml',
    );
    const [rule] = addressRulesOf({ ...rules[0]!, ...way }, [tableOfCloud(two, 'public')], [4, 6]);
    expect(rule).toMatchObject({ name: 'r-a1194u', ...way });
  });

  test('is read as of a rule, and the same for products that share their rules', () => {
    const { products } = configOf(
      'products: [{ connector: { clients: [192.0.2.10], scenario: through-proxy, proxies: [192.0.2.20], methods: [plain, tunnel] } }]',
    );
    expect(products).toMatchObject([{ ...way, methods: ['tunnel', 'plain'] }]);
    expect(() => configOf('products: [{ connector: { clients: [192.0.2.10] } }, avd]')).toThrow(
      ConfigurationError,
    );
    expect(
      configOf('products: [{ connector: { clients: [192.0.2.10], name: c } }, avd]').products,
    ).toHaveLength(2);
    expect(() => configOf('products: [{ connector: { proxies: [192.0.2.20] } }]')).toThrow(
      ConfigurationError,
    );
  });
});
