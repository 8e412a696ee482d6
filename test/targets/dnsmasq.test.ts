import { describe, expect, it } from 'vitest';
import { PortSet } from '../../src/net/ports.ts';
import { Admission } from '../../src/policy/admission.ts';
import { buildTarget, proveReadBack } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { intendedAdmission } from '../../src/targets/fit.ts';
import { resolveOptions } from '../../src/targets/options.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { buildBundled, expectGolden, uncaughtEdits } from '../support/rule-files.ts';

describe('dnsmasq', () => {
  it.each(['nftables', 'ipset'])('writes what the golden files hold, for %s', async (sets) => {
    const { files } = await buildBundled('dnsmasq', samplePolicy(), { sets });
    await expectGolden(sets === 'nftables' ? 'dnsmasq' : `dnsmasq-${sets}`, files);
  });

  it('declares the apex and the subdomains that it cannot leave out, and the addresses that it does', async () => {
    const { plan } = await buildBundled('dnsmasq', samplePolicy());
    expect(plan.widenings.map(({ kind, admitted }) => [kind, ...admitted.describe()])).toEqual([
      ['subdomains', 'port 80: *.crl.example.net *.www.example.net'],
      ['apex', 'port 443: example.com'],
      ['subdomains', 'port 443: *.deep.label.example.net *.login.example.net'],
      ['apex', 'port 443,5671-5672,8080-8090: bus.example.net'],
      ['path', 'port 80: www.example.net'],
    ]);
    expect(plan.omissions.map(({ rule, kind }) => `${rule} ${kind}`)).toEqual([
      'storage-weu ipv4',
      'storage-weu ipv6',
      'sql ipv4',
    ]);
  });

  it('repeats the sets of the domains above, because the longest line alone holds', async () => {
    const policy = makePolicy(
      { name: 'wide', names: { '443': ['*.example.com'], '80': ['crl.example.com'] } },
      { name: 'narrow', names: { '8443': ['login.example.com'], '443': ['a.login.example.com'] } },
    );
    const { files } = await buildBundled('dnsmasq', policy, { sets: 'ipset' });
    expect(files.find(({ path }) => path === 'azure-names.conf')!.text.match(/^ipset.*$/gm)).toEqual([
      'ipset=/example.com/wide_443_4,wide_443_6',
      'ipset=/crl.example.com/wide_80_4,wide_80_6,wide_443_4,wide_443_6',
      'ipset=/login.example.com/wide_443_4,wide_443_6,narrow_8443_4,narrow_8443_6',
      'ipset=/a.login.example.com/wide_443_4,wide_443_6,narrow_443_4,narrow_443_6,narrow_8443_4,narrow_8443_6',
    ]);
  });

  it.each(['nftables', 'iptables'])('covers the whole policy together with %s', async (id) => {
    const policy = samplePolicy();
    const names = (await buildBundled('dnsmasq', policy)).plan;
    const addresses = await loadTarget(id);
    const { plan } = buildTarget(policy, {
      id,
      target: addresses,
      addressUse: 'never',
      options: resolveOptions(addresses.manifest, {}, id),
    });
    const asked = Admission.union(
      policy.rules.map((rule) =>
        intendedAdmission(rule, {
          set: rule.addresses,
          ports: rule.names.length === 0 ? rule.addressPorts : PortSet.empty,
        }),
      ),
    );
    const beyond = Admission.union(names.widenings.map(({ admitted }) => admitted));
    // Neither sees by which method a proxy is asked.
    expect(names.admission.union(plan.admission).equals(asked.byAnyMethod().union(beyond))).toBe(true);
  });

  it('keeps the longest set names within 31 characters', async () => {
    const policy = makePolicy({ name: 'r'.repeat(20), names: { '80,443,8080-8090': ['example.com'] } });
    const { files } = await buildBundled('dnsmasq', policy, { sets: 'ipset' });
    const names = files.flatMap(({ text }) => [...text.matchAll(/rrr\w+/g)].map(([name]) => name));
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(31);
  });

  it.each([0, 597])('refuses a timeout of %i hours', async (timeoutHours) => {
    await expect(buildBundled('dnsmasq', samplePolicy(), { timeoutHours })).rejects.toThrow(
      /between 1 and 596/,
    );
  });

  it.each(['nftables', 'ipset'])('has nothing to say where no rule has names, for %s', async (sets) => {
    const { files } = await buildBundled('dnsmasq', makePolicy({ name: 'a', prefixes: ['192.0.2.0/24'] }), {
      sets,
    });
    expect(files.map(({ text }) => text).join('')).not.toMatch(/^(nftset=|ipset=|create |add |-A )/m);
  });

  describe.each(['nftables', 'ipset'])('%s', (sets) => {
    it.each([1, 2, 3])('finds a file edited by hand (200 edits, seed %i)', async (seed) => {
      const output = await buildBundled('dnsmasq', samplePolicy(), { sets });
      const uncaught = uncaughtEdits(output, { count: 200, seed, comment: /^#/ });
      // Neutral is another order of lines that do not depend on each other.
      expect(uncaught.filter(({ kind }) => kind !== 'exchange')).toEqual([]);
      expect(uncaught.length).toBeLessThan(60);
    });
  });

  it.each([
    ['nftables', 'azure-names.conf', 'nftset=/example.com/', 'nftset=/*.example.com/', /not a host name/],
    ['nftables', 'azure-names.conf', '#connector_443_ipv4_24h', '#connector_444_ipv4_24h', /there is no set/],
    ['nftables', 'azure-names.conf', ',6#inet#azure_names#connector_443_ipv6_24h', '', /families differ/],
    ['nftables', 'azure-names-sets.nft', 'flags dynamic,timeout', 'flags dynamic', /expected/],
    ['nftables', 'azure-names-sets.nft', 'timeout 24h', 'timeout 48h', /expected/],
    ['nftables', 'azure-names-chain.nft', 'dport { 443 }', 'dport { 80 }', /families differ/],
    ['nftables', 'load.sh', 'nft -f azure-names-chain.nft', 'nft -f other.nft', /not the load script/],
    ['ipset', 'load.sh', '--noflush iptables.rules', 'iptables.rules', /not the load script/],
    ['ipset', 'azure-names.ipset', 'connector_443_4', 'connector_444_4', /no set connector_443_4/],
    ['ipset', 'iptables.rules', '--dports 443 ', '--dports 442 ', /families differ/],
    ['ipset', 'iptables.rules', 'connector_443_4 dst', 'connector_443_6 dst', /of this family/],
  ] as const)('refuses, for %s, %s with %j changed to %j', async (sets, path, from, to, message) => {
    const { target, plan, files } = await buildBundled('dnsmasq', samplePolicy(), { sets });
    const changed = files.map((file) => {
      if (file.path !== path) return file;
      expect(file.text).toContain(from);
      return { path, text: file.text.replace(from, to) };
    });
    expect(() => proveReadBack(target, plan, changed)).toThrow(message);
  });
});
