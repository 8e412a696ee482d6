import { bundledTargets } from '../../src/targets/catalog.ts';
import { installed } from './command.ts';

/** The two made-up weeks that come with the product. */
export const SAMPLE_WEEKS = ['20260105', '20260112'].map((date) =>
  installed(`data/sample/ServiceTags_Public_${date}.json`),
) as [string, string];

/** The ranges of the sample, which only a configuration that says so may use. */
export const SAMPLE_RANGES = [
  '198.18.0.0/15',
  '192.0.2.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '2001:db8::/32',
];

export const CONNECTOR_TAGS = [
  'AzureCloud',
  'AzureActiveDirectory',
  'AzureResourceManager',
  'AzureFrontDoor.FirstParty',
];

/** Options of the targets that have some without a default. */
const REQUIRED_OPTIONS: Readonly<Record<string, object>> = {
  pac: { otherwise: 'PROXY proxy.example.com:8080' },
};

/** Budgets of the targets whose vendors take fewer entries than a real week of AzureCloud has. */
const BUDGETS: Readonly<Record<string, object>> = { aws: { budget: 1000 } };

/** Every target that comes with the product, as `targets` of a configuration that fits a real week. */
export async function everyTarget(): Promise<Record<string, object>> {
  return Object.fromEntries(
    (await bundledTargets()).map((id) => [id, { ...REQUIRED_OPTIONS[id], ...BUDGETS[id] }]),
  );
}

/** The four targets of the sample. */
export const FOUR_TARGETS = {
  pac: REQUIRED_OPTIONS.pac!,
  squid: {},
  paloalto: {},
  iptables: {},
} as const;

/** A rule by name and address, and one by address alone. */
export function twoRules(addresses: 'always' | undefined) {
  return [
    {
      name: 'connector',
      endpoints: ['private-network-connector'],
      serviceTags: CONNECTOR_TAGS,
      ...(addresses === undefined ? {} : { addresses }),
    },
    { name: 'storage-weu', serviceTags: ['Storage.WestEurope'], ports: [443] },
  ];
}

/** The configuration of the sample for a folder of its own. */
export function sampleConfiguration(changes: Readonly<Record<string, unknown>> = {}) {
  return {
    version: 1,
    rules: twoRules(undefined),
    targets: FOUR_TARGETS,
    output: 'allowlists',
    guards: { 'special-use': { allow: SAMPLE_RANGES } },
    ...changes,
  };
}
