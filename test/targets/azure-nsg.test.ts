import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import type { Policy, PolicyRule } from '../../src/policy/policy.ts';
import { GuardRefusal } from '../../src/problem.ts';
import { buildTarget, proveReadBack, proveSettings } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { resolveOptions } from '../../src/targets/options.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { buildBundled } from '../support/rule-files.ts';

type Json = ReturnType<typeof JSON.parse>;

/** A rule whose addresses are those of service tags, with more about it if need be. */
function ofTags(
  name: string,
  tags: Readonly<Record<string, readonly string[]>>,
  more: Partial<PolicyRule> = {},
): PolicyRule {
  const [rule] = makePolicy({ name, ports: '443' }).rules;
  const held = Object.entries(tags).map(([tag, texts]) => {
    const prefixes = texts.map(parsePrefix);
    return { tag, region: '', prefixes, addresses: DualStackSet.fromPrefixes(prefixes) };
  });
  return {
    ...rule!,
    tags: held,
    addresses: DualStackSet.union([
      ...held.map(({ addresses }) => addresses),
      DualStackSet.fromPrefixes(more.prefixes ?? []),
    ]),
    ...more,
  };
}

/** Rules that are whole service tags name them. */
const WHOLE = { serviceTags: 'whole' } as const;
const policyOf = (...rules: readonly PolicyRule[]): Policy => ({ rules, digest: '1'.repeat(64) });
const STORAGE = { 'Storage.WestEurope': ['192.0.2.0/24', '2001:db8::/48'] };
const textOf = (files: readonly { readonly path: string; readonly text: string }[], path: string): string =>
  files.find((file) => file.path === path)!.text;
const rulesOf = (text: string): Json[] =>
  Object.values((JSON.parse(text) as Json).resource.azurerm_network_security_rule);

describe('a rule that is whole service tags', () => {
  it('names each of them, and says what it held', async () => {
    const { files } = await buildBundled(
      'azure-nsg',
      policyOf(ofTags('storage', { ...STORAGE, Sql: ['203.0.113.0/25', '203.0.113.128/25'] })),
      WHOLE,
    );
    expect(
      rulesOf(textOf(files, 'azure.tf.json')).map(({ name, destination_address_prefix: to }) => [name, to]),
    ).toEqual([
      ['azure-storage-Sql-tcp', 'Sql'],
      ['azure-storage-Storage.WestEurope-tcp', 'Storage.WestEurope'],
    ]);
    expect(textOf(files, 'service-tags.txt').split('\n').slice(1)).toEqual([
      'Sql 203.0.113.0/24',
      'Storage.WestEurope 192.0.2.0/24',
      'Storage.WestEurope 2001:db8::/48',
      '',
    ]);
  });

  it.each([
    ['has a prefix of its own', ofTags('storage', STORAGE, { prefixes: [parsePrefix('203.0.113.0/24')] })],
    [
      'is cut by a constraint',
      ofTags('storage', STORAGE, { omitted: [{ kind: 'constraint', reason: 'cut' }] }),
    ],
    [
      'holds what a tag has lost',
      ofTags('storage', STORAGE, {
        held: [
          {
            tag: 'Storage.WestEurope',
            until: '2026-02-01',
            addresses: DualStackSet.fromPrefixes([parsePrefix('203.0.113.0/24')]),
          },
        ],
      }),
    ],
    ['is what a tag has in no region', ofTags('storage', { 'Storage.Unassigned': ['192.0.2.0/24'] })],
    [
      'is a set of Microsoft 365',
      ofTags('storage', STORAGE, {
        tags: ofTags('storage', STORAGE).tags.map((tag) => ({
          ...tag,
          m365: { id: 1, serviceArea: 'Exchange', category: 'Optimize', required: true },
        })),
      }),
    ],
  ])('is written by prefixes where it %s', async (_, rule) => {
    const { files } = await buildBundled('azure-nsg', policyOf(rule), WHOLE);
    for (const { destination_address_prefix: tag, destination_address_prefixes: prefixes } of rulesOf(
      textOf(files, 'azure.tf.json'),
    )) {
      expect(tag).toBeUndefined();
      expect(prefixes).toContainEqual(expect.stringMatching(/^(192|2001)/));
    }
    expect(files.map(({ path }) => path)).not.toContain('service-tags.txt');
  });

  it('is written by prefixes where a budget adds addresses, and where whole tags are not wanted', async () => {
    const target = await loadTarget('azure-nsg');
    const options = resolveOptions(target.manifest, WHOLE, 'targets.azure-nsg');
    const two = policyOf(ofTags('storage', { Sql: ['20.60.2.0/25', '20.60.3.0/25'] }));
    const tight = buildTarget(two, {
      id: 'azure-nsg',
      target,
      options,
      budget: { entries: 1, never: [] },
    });
    expect(textOf(tight.files, 'azure.tf.json')).toContain('20.60.2.0/23');
    // Unless it is asked for: the platform follows a tag before anybody has reviewed its change.
    const never = await buildBundled('azure-nsg', two);
    expect(textOf(never.files, 'azure.tf.json')).not.toContain('"Sql"');
  });
});

describe('both documents', () => {
  const policy = policyOf(ofTags('storage', STORAGE), ...samplePolicy().rules);
  const built = () => buildBundled('azure-nsg', policy, { ...WHOLE, formats: 'terraform arm' });

  it('say the same', async () => {
    const { files } = await built();
    const terraform = rulesOf(textOf(files, 'azure.tf.json')).map((rule) => [
      rule.name,
      rule.priority,
      rule.protocol,
      rule.destination_port_ranges,
      rule.destination_address_prefix ?? rule.destination_address_prefixes,
    ]);
    const arm = (JSON.parse(textOf(files, 'azure.json')) as Json).resources.map(
      ({ name, properties }: Json) => [
        /\/(.+)'\)\]$/.exec(name)![1],
        properties.priority,
        properties.protocol,
        properties.destinationPortRanges,
        properties.destinationAddressPrefix ?? properties.destinationAddressPrefixes,
      ],
    );
    expect(arm).toEqual(terraform);
    expect(new Set(terraform.map(([, priority]) => priority)).size).toBe(terraform.length);
  });

  it.each([
    ['azure.tf.json', '"access": "Allow"', '"access": "Deny"', /access/],
    ['azure.tf.json', '"Outbound"', '"Inbound"', /direction/],
    ['azure.json', '"Storage.WestEurope"', '"Storage"', /differ/],
    ['azure.json', '"sourcePortRange": "*"', '"sourcePortRange": "1"', /sourcePortRange/],
    ['azure.json', '"443"', '"443", "22"', /differ/],
    ['service-tags.txt', 'Storage.WestEurope 192.0.2.0/24\n', '', /missing/],
    ['service-tags.txt', 'Storage.WestEurope', 'Storage', /overlap|no rule goes|does not say/],
    ['service-tags.txt', '192.0.2.0/24', '192.0.2.0/23', /not in the policy/],
  ])('a hand in %s, %j to %j, is refused', async (path, from, to, message) => {
    const { files, plan, target } = await built();
    const edited = files.map((file) =>
      file.path === path ? { path, text: file.text.replace(from, () => to) } : file,
    );
    expect(edited).not.toEqual(files);
    expect(() => {
      throw new Error(JSON.stringify(proveReadBack(target, plan, edited)));
    }).toThrow(message);
  });

  it('a priority of another place is told', async () => {
    const { files, target } = await buildBundled('azure-nsg', policy, WHOLE);
    const options = resolveOptions(target.manifest, WHOLE, 'targets.azure-nsg');
    const moved = files.map(({ path, text }) => ({
      path,
      text: text.replace(/"priority": (\d+)/, (_, one) => `"priority": ${Number(one) + 1}`),
    }));
    expect(() => proveSettings(target, options, moved)).toThrow('not in their places');
  });
});

it('keeps the priority of a rule, whatever else comes or goes', async () => {
  const priorities = async (...names: readonly string[]) =>
    new Map(
      rulesOf(
        textOf(
          (
            await buildBundled(
              'azure-nsg',
              makePolicy(...names.map((name) => ({ name, prefixes: ['192.0.2.0/24'] }))),
            )
          ).files,
          'azure.tf.json',
        ),
      ).map(({ name, priority }) => [name as string, priority as number]),
    );
  const few = await priorities('web', 'mail');
  const more = await priorities('aaa', 'web', 'sql', 'mail', 'zzz');
  for (const [name, priority] of few) expect(more.get(name)).toBe(priority);
  for (const priority of more.values()) expect(priority).toBeGreaterThanOrEqual(1000);
  expect(Math.max(...more.values())).toBeLessThan(2000);
});

it('refuses more than a group holds, with the figures', async () => {
  const many = Array.from({ length: 4001 }, (_, index) => `10.${index >> 8}.${index & 255}.0/25`);
  await expect(buildBundled('azure-nsg', makePolicy({ name: 'many', prefixes: many }))).rejects.toThrow(
    /4001 prefixes, 4000 at most/,
  );
  await expect(
    buildBundled('azure-nsg', policyOf(ofTags('many', { Sql: many })), WHOLE).then(
      ({ files }) => files.length,
    ),
  ).resolves.toBe(3);
  const long = ofTags('a'.repeat(20), { [`Service${'X'.repeat(60)}`]: ['192.0.2.0/24'] });
  await expect(buildBundled('azure-nsg', policyOf(long), WHOLE)).rejects.toThrow(GuardRefusal);
});
