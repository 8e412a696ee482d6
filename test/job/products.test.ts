import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { ServiceTag } from '../../src/feed/snapshot.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { loadTables, requireRegions } from '../../src/products.ts';

const CONFIGURATION = `version: 1
products:
  - { aks: { region: westeurope, groups: [tunnel, time] } }
  - arc-servers
  - { intune: { location: eu } }
rules:
  - { name: own, endpoints: [{ table: avd-session-host, optional: [rdp-shortpath] }] }
  - { name: last, hosts: [www.example.com], ports: [443] }
targets: { squid: {} }
`;

const tag = (name: string, region: string): [string, ServiceTag] => [
  name,
  {
    name,
    id: name,
    changeNumber: 1,
    region,
    systemService: '',
    platform: 'Azure',
    prefixes: [],
    prefixCount: 0,
    addresses: DualStackSet.empty,
  },
];
const tags = new Map([
  tag('AzureCloud', ''),
  tag('AzureCloud.westeurope', 'westeurope'),
  tag('AzureCloud.germanywc', 'germanywc'),
]);

async function load(configuration: string) {
  const folder = mkdtempSync(join(tmpdir(), 'products-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'allowlist.yaml');
  writeFileSync(file, configuration);
  const loaded = await loadTables(await loadConfig(file));
  await requireRegions(file, loaded.regions, { tags });
  return loaded;
}

it('puts the rules that address rows and products become after those of the configuration', async () => {
  const { config, tables } = await load(CONFIGURATION);
  expect(config.rules.map(({ name }) => name)).toEqual([
    'own',
    'last',
    'own-a3478u',
    'products-80-443',
    'products-443',
    'products-123u',
    'products-a9000',
    'products-a1194u',
  ]);
  expect([...tables.keys()]).toEqual(['avd-session-host', 'aks', 'arc-servers', 'intune']);
  const germany = await load(CONFIGURATION.replace('westeurope', 'germanywestcentral'));
  expect(germany.config.rules.at(-1)?.serviceTags).toEqual(['AzureCloud.germanywc']);
});

it.each([
  [
    'region: westeurope',
    'region: germanywc',
    'line 3, products[0].aks.region: "germanywc" is not how Azure names a region — did you mean germanywestcentral?',
  ],
  [
    'region: westeurope',
    'region: westeurop',
    'line 3, products[0].aks.region: the feed has no region "westeurop" — did you mean westeurope',
  ],
  [
    'region: westeurope, ',
    '',
    'line 3, products[0].aks: aks needs the parameter region: The region of the cluster. — e.g. `region: westeurope`',
  ],
  [
    'region: westeurope',
    'regoin: westeurope',
    'line 3, products[0].aks.regoin: aks has no parameter "regoin" — did you mean region?',
  ],
  [
    'location: eu',
    'location: us',
    'line 5, products[2].intune.location: "us" is no location of intune — one of na, eu, apac',
  ],
  [
    '[tunnel, time]',
    '[tunel, time]',
    'line 3, products[0]: aks has no optional group "tunel" — choose from tunnel',
  ],
  [
    '- arc-servers',
    '- arc-server',
    'line 4, products[1]: there is no product "arc-server" — did you mean arc-servers',
  ],
  ['[rdp-shortpath]', '[rdp]', 'line 7, rules[0].endpoints[0]: avd-session-host has no optional group "rdp"'],
  ['name: own', 'name: own-of-fourteen', 'line 7, rules[0].name: "own-of-fourteen" is too long'],
])('%s → %s is told with its line', async (right, wrong, message) => {
  expect(CONFIGURATION).toContain(right);
  await expect(load(CONFIGURATION.replace(right, wrong))).rejects.toThrow(message);
});
