import { describe, expect, it } from 'vitest';
import { policyDocumentSchema, readPolicy, writePolicy } from '../../src/committed/policy-document.ts';
import { parseConfig } from '../../src/config/load.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import type { Policy, PolicyRule } from '../../src/policy/policy.ts';
import { resolvePolicy } from '../../src/policy/resolve.ts';
import { M365_SETS, m365Sets, type PublishedSet, publishedSet } from '../support/m365.ts';

function resolve(
  rule: string,
  sets: readonly PublishedSet[] = M365_SETS,
  partialNames: 'widen' | 'omit' = 'widen',
): Policy {
  const config = parseConfig(
    `version: 1\nrules:\n  - { name: office, ${rule} }\ntargets: { squid: {} }\n`,
    'allowlist.yaml',
  );
  return resolvePolicy(config.rules, new Map(), new Map(), m365Sets(sets, partialNames));
}

const outlineOf = ({ rules }: Policy) =>
  rules.map(({ name, names, tags, addresses, addressPorts }) => [
    name,
    names.map(({ hosts, ports }) => `${hosts.toStrings().join(' ')} on ${ports}`).join('; '),
    tags.map(({ tag }) => tag).join(' '),
    addresses.toStrings().join(' '),
    addressPorts.toString(),
  ]);

const ruleNamed = ({ rules }: Policy, name: string): PolicyRule => rules.find((rule) => rule.name === name)!;

describe('the rules that endpoint sets of Microsoft 365 become', () => {
  it('hold names and addresses of the sets of one port set each; sets without names apart', () => {
    expect(outlineOf(resolve('m365: [{}]'))).toEqual([
      [
        'office-80-443',
        '.outlook.example.com *.share.example.net static.example.net on 80,443',
        'M365.Exchange.1',
        '198.51.100.0/25 2001:db8:1::/48',
        '80,443',
      ],
      [
        'office-pc0a920',
        'login.example.org on 80,443,50000-50059',
        'M365.Common.56',
        '192.0.2.128/25',
        '80,443,50000-50059',
      ],
      [
        'office-587-993',
        'outlook.example.com smtp.example.com on 587,993',
        'M365.Exchange.2',
        '192.0.2.0/26 198.51.100.64/26',
        '587,993',
      ],
      [
        'office-443u',
        '.outlook.example.com on 443/udp',
        'M365.Exchange.1',
        '198.51.100.0/25 2001:db8:1::/48',
        '443/udp',
      ],
      ['office-a25', '', 'M365.Exchange.10', '203.0.113.64/27', '25'],
      ['office-ap28dbb3', '', 'M365.Skype.11', '203.0.113.0/26', '3478-3481/udp'],
    ]);
  });

  it('stand beside what else the rule has, which keeps the name and its own ports', () => {
    const policy = resolve('hosts: [www.example.com], ports: [8443], m365: [{ ids: [2] }]');
    expect(outlineOf(policy).map((outline) => outline.slice(0, 2))).toEqual([
      ['office', 'www.example.com on 8443'],
      ['office-587-993', 'outlook.example.com smtp.example.com on 587,993'],
    ]);
  });

  it.each<[string, string, readonly number[]]>([
    ['a service area', '{ serviceArea: Exchange }', [1, 2, 10]],
    ['a category', '{ category: Allow }', [2, 10]],
    ['categories', '{ category: [Allow, Default] }', [2, 10, 39]],
    ['what is required', '{ serviceArea: Exchange, required: true }', [1, 2]],
    ['what is not', '{ required: false }', [10]],
    ['ids', '{ ids: [56, 1] }', [1, 56]],
    ['several selectors', '{ ids: [2] }, { serviceArea: Common }', [2, 56]],
  ])('take %s', (_, selectors, ids) => {
    const { rules } = resolve(`m365: [${selectors}]`);
    const found = rules.flatMap(({ rows, tags }) => [
      ...rows.map(({ index }) => index),
      ...tags.map(({ m365 }) => m365!.id),
    ]);
    expect([...new Set(found)].sort((a, b) => a - b)).toEqual(ids);
  });

  it('keep the provenance of names and addresses', () => {
    const rule = ruleNamed(resolve('m365: [{}]'), 'office-587-993');
    expect(rule.tags[0]?.m365).toEqual({
      id: 2,
      serviceArea: 'Exchange',
      category: 'Allow',
      required: true,
    });
    expect(rule.rows[0]).toMatchObject({
      table: 'm365-Worldwide',
      index: 2,
      purpose: 'Microsoft 365 set 2: Exchange, Allow, required',
      coveredBy: [{ tag: 'M365.Exchange.2' }],
    });
    const named = ruleNamed(resolve('m365: [{}]'), 'office-80-443');
    expect(named.rows.find(({ index }) => index === 39)).toMatchObject({ coveredBy: [] });
  });

  it('are a rule for TCP and one for UDP where a set asks for both', () => {
    const { rules } = resolve('m365: [{ ids: [1] }]');
    expect(
      rules.map(({ name, addressPorts, names }) => [name, `${addressPorts}`, `${names[0]?.ports}`]),
    ).toEqual([
      ['office-80-443', '80,443', '80,443'],
      ['office-443u', '443/udp', '443/udp'],
    ]);
    expect(rules.map(({ rows }) => rows[0]?.ports.toString())).toEqual(['80,443', '443/udp']);
    expect(rules.map(({ omitted }) => omitted)).toEqual([undefined, undefined]);
  });

  it('declare a set that names no port as omitted', () => {
    const { rules } = resolve('m365: [{}]', [publishedSet(7, { urls: ['a.example.com'] })]);
    expect(rules[0]?.omitted).toEqual([
      { kind: 'ports', reason: 'M365.Exchange.7 names no port for a.example.com' },
    ]);
  });

  it('widen partial names, or declare them as omitted', () => {
    const [widened] = resolve('m365: [{ ids: [39] }]').rules;
    expect(widened?.rows.map(({ partialName }) => partialName)).toEqual([
      undefined,
      '*-files.share.example.net',
    ]);
    expect(widened?.omitted).toBeUndefined();
    const [omitted] = resolve('m365: [{ ids: [39] }]', M365_SETS, 'omit').rules;
    expect(omitted?.names[0]?.hosts.toStrings()).toEqual(['static.example.net']);
    expect(omitted?.omitted).toEqual([
      {
        kind: 'wildcard',
        reason:
          'M365.SharePoint.39 asks for *-files.share.example.net on port 80,443; no host pattern says that exactly',
      },
    ]);
  });

  it.each(['widen', 'omit'] as const)('come back from the lock as they were (%s)', (partialNames) => {
    const policy = resolve('hosts: [www.example.com], ports: [8443], m365: [{}]', M365_SETS, partialNames);
    const prefixes = new Map(
      policy.rules.flatMap(({ tags }) => tags.map((tag) => [tag.tag, tag.prefixes] as const)),
    );
    const document = policyDocumentSchema.parse(JSON.parse(JSON.stringify(writePolicy(policy))));
    const read = readPolicy(document, (tag) => ({
      prefixes: () => prefixes.get(tag)!,
      addresses: DualStackSet.fromPrefixes(prefixes.get(tag)!),
    }));
    expect(read.digest).toBe(policy.digest);
    expect(writePolicy(read)).toEqual(writePolicy(policy));
    expect(read.rules.map(({ tags, omitted }) => [tags.map(({ m365 }) => m365), omitted])).toEqual(
      policy.rules.map(({ tags, omitted }) => [tags.map(({ m365 }) => m365), omitted]),
    );
  });

  it('change the digest by the ports of UDP', () => {
    const moved = M365_SETS.map((set) => (set.id === 11 ? { ...set, udpPorts: '3478' } : set));
    expect(resolve('m365: [{}]', moved).digest).not.toBe(resolve('m365: [{}]').digest);
    const unselected = M365_SETS.filter(({ id }) => id !== 11);
    const selectors = 'm365: [{ serviceArea: Exchange }]';
    expect(resolve(selectors, unselected).digest).toBe(resolve(selectors).digest);
  });
});
