import { describe, expect, it } from 'vitest';
import type { EndpointRow } from '../../src/endpoints/endpoint-table.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { type AddressesOfTags, coverage } from '../../src/review/coverage.ts';
import { fitPolicy } from '../../src/targets/fit.ts';
import type { Capabilities } from '../../src/targets/manifest.ts';
import type { RuleParts } from '../support/policy.ts';
import { policyOf, tag } from './weeks.ts';

const PROXY: Capabilities = {
  traffic: true,
  names: 'suffix',
  namesBy: [],
  apex: 'separate',
  exact: 'separate',
  ipv4: true,
  ipv6: true,
  ports: true,
  protocols: ['tcp'],
  addressMatch: 'destination',
  clients: 'none',
  methods: false,
  tlsExemption: false,
};
const APEX_TOO: Capabilities = { ...PROXY, apex: 'included' };
const LISTS: Capabilities = { ...PROXY, ports: false };
const PACKETS: Capabilities = {
  traffic: true,
  names: 'none',
  namesBy: [],
  apex: 'separate',
  exact: 'separate',
  ipv4: true,
  ipv6: true,
  ports: true,
  protocols: ['tcp'],
  addressMatch: 'destination',
  clients: 'none',
  methods: false,
  tlsExemption: false,
};
const PACKETS_V4: Capabilities = { ...PACKETS, ipv6: false };
const EXACT: Capabilities = { ...PROXY, names: 'exact' };

/** A rule whose rows say what a table says of coverage; its tag has both families. */
function policyWith(rows: readonly Partial<EndpointRow>[], parts: Partial<RuleParts> = {}): Policy {
  const policy = policyOf(
    { r: [tag('AzureCloud', '', '192.0.2.0/24', '2001:db8::/48')] },
    { name: 'r', names: { '443': ['*.example.com'], '80': ['crl.example.net'] }, ports: '443', ...parts },
  );
  return {
    ...policy,
    rules: policy.rules.map((rule) => ({
      ...rule,
      // Port keys of an object come in numeric order: 80 before 443.
      rows: [...rule.rows].reverse().map((row, index) => ({ ...row, ...rows[index] })),
    })),
  };
}

const inCloud = { coveredBy: [{ tag: 'AzureCloud', basis: 'the article' }] };

function passages(
  policy: Policy,
  capabilities: Capabilities,
  tags?: AddressesOfTags,
): [string, string, string][] {
  const rows = coverage(
    policy,
    [{ id: 't', plan: fitPolicy(policy, capabilities), addressMatch: capabilities.addressMatch }],
    tags,
  );
  return rows.map(({ host, targets }) => [host, targets[0]!.how, targets[0]!.detail]);
}

describe('how each target lets the required hosts through', () => {
  const policy = policyWith([inCloud, { notCovered: 'third-party CA' }]);

  it.each([
    ['by name', PROXY, ['*.example.com', 'name', ''], ['crl.example.net', 'name', '']],
    [
      'by a name with its apex',
      APEX_TOO,
      ['*.example.com', 'widened', 'example.com itself as well'],
      ['crl.example.net', 'name', ''],
    ],
    [
      'as widened where the subdomains come along',
      { ...PROXY, exact: 'included' },
      ['*.example.com', 'name', ''],
      ['crl.example.net', 'widened', 'everything below crl.example.net as well'],
    ],
    [
      'by address where a tag holds the host',
      PACKETS,
      ['*.example.com', 'address', 'AzureCloud: the article'],
      [
        'crl.example.net',
        'uncovered',
        "third-party CA; send it through a device that matches names, or add its addresses to the rule's prefixes",
      ],
    ],
    [
      'in part where a family is missing',
      PACKETS_V4,
      ['*.example.com', 'partly', 'AzureCloud is allowed but for 65,536 IPv6 /64 networks'],
      [
        'crl.example.net',
        'uncovered',
        "third-party CA; send it through a device that matches names, or add its addresses to the rule's prefixes",
      ],
    ],
    [
      'by address where only whole names can be matched',
      EXACT,
      ['*.example.com', 'address', 'AzureCloud: the article'],
      ['crl.example.net', 'name', ''],
    ],
  ] as const)('%s', (_, capabilities, ...expected) => {
    expect(passages(policy, capabilities)).toEqual(expected);
  });

  it('says that lists without ports leave the port to the device', () => {
    expect(passages(policy, LISTS)[0]![1]).toBe('widened');
  });

  it('says which tag to add', () => {
    const other = policyWith([{ coveredBy: [{ tag: 'AzureActiveDirectory', basis: '' }] }]);
    const tags = new Map([
      ['AzureActiveDirectory', DualStackSet.fromPrefixes([parsePrefix('203.0.113.0/24')])],
    ]);
    expect(passages(other, PACKETS, tags)[0]).toEqual([
      '*.example.com',
      'uncovered',
      'add the service tag AzureActiveDirectory to rule r',
    ]);
  });

  it('does not know of a tag of which no addresses are at hand, and says where they are', () => {
    const other = policyWith([{ coveredBy: [{ tag: 'AzureActiveDirectory', basis: '' }] }]);
    expect(passages(other, PACKETS)[0]).toEqual([
      '*.example.com',
      'unknown',
      'the addresses of AzureActiveDirectory are in no tree: the weekly file of the later one has them (--feed)',
    ]);
  });

  it('does not count addresses that only hosts written as addresses are compared with', () => {
    const literal: Capabilities = { ...EXACT, addressMatch: 'literal' };
    expect(passages(policy, literal)[0]![1]).toBe('uncovered');
  });

  it('says which port to add', () => {
    const other = policyWith([{}, inCloud]);
    expect(passages(other, PACKETS)[1]).toEqual(['crl.example.net', 'uncovered', 'add port 80 to rule r']);
    const both = policyWith([{ ...inCloud, ports: PortSet.of(80, 443) }]);
    expect(passages(both, PACKETS)[0]![1]).toBe('partly');
  });

  it('says that addresses are not used', () => {
    const never = policyWith([inCloud], { addressUse: 'never' });
    expect(passages(never, PACKETS)[0]).toEqual([
      '*.example.com',
      'uncovered',
      'let rule r use its addresses on this target',
    ]);
  });

  it('shows a path, and that the whole host is let through', () => {
    const path = policyWith([{}, { path: '/pkiops', host: parseHostPattern('crl.example.net') }]);
    expect(passages(path, PROXY)[1]).toEqual([
      'crl.example.net/pkiops',
      'widened',
      'the whole host, not only /pkiops',
    ]);
  });

  it('asks nobody to allow a misprint', () => {
    const misprint = policyWith([{}, { misprintOf: 'ctldl.example.net' }]);
    expect(passages(misprint, PACKETS)[1]![2]).toBe('nothing to do: the source misprints ctldl.example.net');
  });
});
