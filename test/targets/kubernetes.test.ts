import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatAddress } from '../../src/net/address.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { proveReadBack } from '../../src/targets/build.ts';
import type { RuleFile } from '../../src/targets/render.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';
import { buildBundled } from '../support/rule-files.ts';
import { sampleAddresses } from '../support/samples.ts';

const MIXED = makePolicy(
  { name: 'web', prefixes: ['192.0.2.0/24', '2001:db8::/48'], ports: '80,443,443/udp' },
  { name: 'media', prefixes: ['203.0.113.0/26', '198.51.100.7/32'], ports: '3478-3481/udp' },
  { name: 'sql', prefixes: ['198.18.0.0/16'], ports: '1433,11000-11999' },
);

const policiesIn = (files: readonly RuleFile[]) =>
  files.map(({ text }) => new NetworkPolicy(parse(text) as ConstructorParameters<typeof NetworkPolicy>[0]));

/** What a plugin lets through, written from the reference of the API: policies add up, so do their rules. */
function lets(
  policies: readonly NetworkPolicy[],
  address: string,
  port: number,
  protocol: 'TCP' | 'UDP',
): boolean {
  const target = parsePrefix(`${address}/${address.includes(':') ? 128 : 32}`);
  return policies.some(({ spec }) =>
    spec?.egress?.some(
      ({ to, ports }) =>
        ports?.some(
          (one) =>
            one.protocol === protocol &&
            Number(one.port) <= port &&
            port <= (one.endPort ?? Number(one.port)),
        ) &&
        to?.some(({ ipBlock }) => {
          const { family, first, length } = parsePrefix(ipBlock!.cidr);
          const host = BigInt((family === 4 ? 32 : 128) - length);
          return family === target.family && target.first >> host === first >> host;
        }),
    ),
  );
}

describe('network policies', () => {
  it.each([
    ['the sample', samplePolicy()],
    ['TCP and UDP', MIXED],
  ])('are what the schema of Kubernetes takes, and let through what is asked for: %s', async (_, policy) => {
    const { files, plan } = await buildBundled('kubernetes', policy);
    const policies = policiesIn(files);
    for (const one of policies) one.validate();
    const random = seededRandom(7);
    const ports = [22, 80, 443, 444, 1433, 3477, 3478, 3481, 3482, 11_500];
    let passed = 0;
    for (const { addresses } of policy.rules)
      for (const set of [addresses.ipv4, addresses.ipv6])
        for (const value of set.isEmpty ? [] : sampleAddresses(set, 60, random)) {
          const address = formatAddress(set.family, value);
          const port = ports[below(random, ports.length)]!;
          for (const protocol of ['tcp', 'udp'] as const) {
            const content = plan.admission.onPort(port, protocol).addresses;
            const asked = (set.family === 4 ? content.ipv4 : content.ipv6).contains(value);
            const found = lets(policies, address, port, protocol === 'tcp' ? 'TCP' : 'UDP');
            expect(found, `${address} ${port} ${protocol}`).toBe(asked);
            passed += Number(asked);
          }
        }
    expect(passed).toBeGreaterThan(20);
  });

  it('are for the pods and the namespace that the options say', async () => {
    const { files } = await buildBundled('kubernetes', MIXED, {
      namespace: 'identity',
      podLabel: 'example.com/egress',
      podLabelValue: '1',
    });
    for (const { metadata, spec } of policiesIn(files)) {
      expect(metadata?.namespace).toBe('identity');
      // A value that looks like a number is text all the same.
      expect(spec?.podSelector?.matchLabels).toEqual({ 'example.com/egress': '1' });
      expect(spec?.policyTypes).toEqual(['Egress']);
    }
  });

  it.each([
    ['every address', /to:\n( {8}- .*\n)+/, 'to: []\n', /spec\.egress\.0\.to: /],
    ['every port', /ports:\n( {8}- \{ protocol.*\n)+/, 'ports: []\n', /spec\.egress\.0\.ports: /],
    [
      'a field',
      '- ipBlock: { cidr: "192.0.2.0/24" }',
      '- ipBlock: { cidr: "192.0.2.0/24", except: [] }',
      /except/,
    ],
    ['another peer', '- ipBlock: { cidr: "192.0.2.0/24" }', '- namespaceSelector: {}', /spec\.egress/],
    ['every pod', /matchLabels:\n.*\n/, 'matchLabels: {}\n', /matchLabels/],
    ['ingress too', '[Egress]', '[Egress, Ingress]', /policyTypes/],
    ['a prefix twice', /( {8}- ipBlock: \{ cidr: "192\.0\.2\.0\/24" \}\n)/, '$1$1', /overlap/],
    ['another protocol', 'protocol: UDP, port: 443', 'protocol: SCTP, port: 443', /protocol/],
    ['no YAML', 'spec:', 'spec', /azure-web\.yaml: /],
  ])('are refused where a hand writes %s', async (_, from, to, what) => {
    const { files, plan, target } = await buildBundled('kubernetes', MIXED);
    const edited = files.map((file) =>
      file.path === 'azure-web.yaml' ? { ...file, text: file.text.replace(from, to) } : file,
    );
    expect(edited).not.toEqual(files);
    expect(() => proveReadBack(target, plan, edited)).toThrow(what);
  });

  it('are refused under the name of another', async () => {
    const { files, plan, target } = await buildBundled('kubernetes', MIXED);
    const moved = files.map((file) =>
      file.path === 'azure-web.yaml' ? { ...file, path: 'azure-www.yaml' } : file,
    );
    expect(() => proveReadBack(target, plan, moved)).toThrow('azure-www.yaml: holds the policy azure-web');
  });
});
