import { describe, expect, it } from 'vitest';
import { parseTypedPrefix } from '../../src/config/typed-prefix.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { Admission } from '../../src/policy/admission.ts';
import { buildTarget, proveReadBack, type TargetOutput } from '../../src/targets/build.ts';
import { loadTarget, type Target } from '../../src/targets/catalog.ts';
import { exampleOptions, proseOf } from '../support/manifests.ts';
import { makePolicy, type RuleParts } from '../support/policy.ts';
import { buildBundled, uncaughtEdits } from '../support/rule-files.ts';
import { targetFolders } from '../support/target-folders.ts';

/* Rules for some clients only: what every target does with them, whoever wrote it. */

const CLIENTS = ['192.0.2.10', '192.0.2.64/26', '2001:db8:c::/64'];

const PARTS = (clients: readonly string[] | undefined): RuleParts[] => [
  {
    name: 'own',
    names: { '443': ['*.example.com', 'a.example.net'], '80': ['crl.example.net'] },
    prefixes: ['198.51.100.0/25', '203.0.113.7/32', '2001:db8:1::/48'],
    ports: '80,443,3478/udp',
    addressUse: 'always',
    ...(clients === undefined ? {} : { clients }),
  },
  { name: 'open', names: { '443': ['b.example.net'] }, prefixes: ['198.18.0.0/16'], addressUse: 'always' },
];

const clientSet = (texts: readonly string[]) => DualStackSet.fromPrefixes(texts.map(parseTypedPrefix));

function make(target: Target, clients: readonly string[] | undefined): TargetOutput & { target: Target } {
  const request = { id: target.manifest.id, target, options: exampleOptions(target.manifest) };
  return { ...buildTarget(makePolicy(...PARTS(clients)), request), target };
}

describe.each(targetFolders)('a rule for some clients on %s', (_, load) => {
  it('lets only them through, or declares that it lets the others through as well', async () => {
    const target = await load();
    const { capabilities } = target.manifest;
    const unbound = make(target, undefined);
    const { plan, files } = make(target, CLIENTS);
    expect(proveReadBack(target, plan, files)).toEqual([]);
    const widenings = plan.widenings.filter(({ kind }) => kind === 'clients');
    const strangers = Admission.union(
      makePolicy(...PARTS(undefined)).rules.map((rule) =>
        Admission.union([
          ...rule.names.map(({ hosts, ports }) => Admission.hosts(hosts, ports)),
          Admission.addresses(rule.addresses, rule.addressPorts),
        ]),
      ),
    );
    const stranger = clientSet(['203.0.113.99', '2001:db8:ffff::1']);
    const toStranger = plan.admission.from(stranger).forAnyClient();
    if (!capabilities.traffic) return expect(plan.admission.isEmpty).toBe(true);
    if (capabilities.clients === 'none') {
      // The files are those for everybody, but for what their comments say.
      expect(widenings).toHaveLength(1);
      expect(plan.admission.equals(unbound.plan.admission)).toBe(true);
      expect(toStranger.equals(unbound.plan.admission)).toBe(true);
      return expect(widenings[0]!.reason).toContain('192.0.2.10');
    }
    expect(widenings).toEqual([]);
    const open = Admission.union(
      make(target, undefined)
        .plan.rules.filter(({ name }) => name === 'open')
        .flatMap(({ names, addresses }) => [
          ...names.map(({ hosts, ports }) => Admission.hosts(hosts, ports)),
          ...(addresses === undefined ? [] : [Admission.addresses(addresses.set, addresses.ports)]),
        ]),
    );
    expect(toStranger.equals(open)).toBe(true);
    expect(plan.admission.forAnyClient().equals(unbound.plan.admission)).toBe(true);
    expect(strangers.difference(toStranger).isEmpty).toBe(false);
  });

  it('is held to its clients by reading back', async () => {
    const output = make(await load(), CLIENTS);
    const { capabilities } = output.target.manifest;
    if (!capabilities.traffic || capabilities.clients === 'none') return;
    for (const other of [undefined, ['192.0.2.10'], [...CLIENTS, '192.0.2.11']]) {
      const { plan } = make(output.target, other);
      expect(proveReadBack(output.target, plan, output.files), String(other)).not.toEqual([]);
    }
    const prose = proseOf(output.target.manifest);
    const uncaught = uncaughtEdits(output, { count: 150, seed: 31, comment: /^#/ }).filter(
      ({ path, kind }) => kind !== 'exchange' && !prose.has(path),
    );
    expect(uncaught.filter(({ before }) => !/hashsize/.test(before))).toEqual([]);
  });

  it('leaves out, and says so, the family that none of its clients has', async () => {
    const target = await load();
    const { capabilities } = target.manifest;
    const { plan, files } = make(target, ['192.0.2.10']);
    expect(proveReadBack(target, plan, files)).toEqual([]);
    const omitted = plan.omissions.filter(({ reason }) => /no client of the rule/.test(reason));
    expect(omitted.map(({ kind, rule }) => [kind, rule])).toEqual(
      capabilities.clients === 'same-family' ? [['ipv6', 'own']] : [],
    );
  });
});

describe('the clients of a target', () => {
  it('win over those of the rules: to a firewall behind a proxy, the proxy is the client', async () => {
    const target = await loadTarget('nftables');
    const request = { id: 'nftables', target, options: exampleOptions(target.manifest) };
    const { plan, files } = buildTarget(makePolicy(...PARTS(CLIENTS)), {
      ...request,
      clients: clientSet(['192.0.2.20']),
    });
    expect(plan.rules.map(({ clients }) => clients?.toStrings())).toEqual([
      ['192.0.2.20/32'],
      ['192.0.2.20/32'],
    ]);
    const rules = files
      .find(({ path }) => path === 'azure-chain.nft')!
      .text.split('\n')
      .filter((line) => line.startsWith('add rule'));
    expect(rules).toHaveLength(3);
    expect(rules.every((line) => line.includes(' ip saddr { 192.0.2.20/32 } '))).toBe(true);
  });

  it('stand in the rules of iptables, one a prefix', async () => {
    const { files } = await buildBundled('iptables', makePolicy(...PARTS(CLIENTS)));
    const text = files.find(({ path }) => path === 'iptables.rules')!.text;
    expect(text.split('\n').filter((line) => line.startsWith('-A'))).toEqual([
      '-A AZURE-ALLOW -s 192.0.2.10/32 -p tcp -m multiport --dports 80,443 -m set --match-set az-own-4 dst -j ACCEPT',
      '-A AZURE-ALLOW -s 192.0.2.10/32 -p udp -m multiport --dports 3478 -m set --match-set az-own-4 dst -j ACCEPT',
      '-A AZURE-ALLOW -s 192.0.2.64/26 -p tcp -m multiport --dports 80,443 -m set --match-set az-own-4 dst -j ACCEPT',
      '-A AZURE-ALLOW -s 192.0.2.64/26 -p udp -m multiport --dports 3478 -m set --match-set az-own-4 dst -j ACCEPT',
      '-A AZURE-ALLOW -p tcp -m multiport --dports 443 -m set --match-set az-open-4 dst -j ACCEPT',
    ]);
  });
});
