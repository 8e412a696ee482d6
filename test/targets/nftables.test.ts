import { describe, expect, it } from 'vitest';
import { proveReadBack } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { buildBundled, expectGolden, uncaughtEdits } from '../support/rule-files.ts';

describe('nftables', () => {
  it('writes what the golden files hold', async () => {
    const { files, plan } = await buildBundled('nftables', samplePolicy());
    await expectGolden('nftables', files);
    expect(plan.omissions.map(({ rule, kind }) => [rule, kind])).toContainEqual(['connector', 'names']);
  });

  it('keeps its table even where nothing is left, so that the next load empties it', async () => {
    const options = { table: 'egress', hook: 'output', mark: '0x00000001' };
    const { files } = await buildBundled('nftables', makePolicy({ name: 'nothing' }), options);
    const statements = Object.fromEntries(
      files
        .slice(0, 2)
        .map(({ path, text }) => [path, text.split('\n').filter((line) => !/^(#.*)?$/.test(line))]),
    );
    expect(statements).toEqual({
      'azure-sets.nft': ['table inet egress {', '}'],
      'azure-chain.nft': [
        'table inet egress {',
        '\tchain output {',
        '\t\ttype filter hook output priority filter - 10; policy accept;',
        '\t}',
        '}',
        'flush chain inet egress output',
      ],
    });
  });

  it.each(['nftables', 'dnsmasq'])(
    'takes, in %s, no bit of a mark that common software takes',
    async (id) => {
      const { manifest } = await loadTarget(id);
      // https://github.com/fwmark/registry, read 2026-11-27, and wg-quick's default.
      const taken = {
        aws: 0x80,
        portmap: 0x2000,
        kubernetes: 0xc000,
        calico: 0xffff0000,
        tailscale: 0xff0000,
        wgQuick: 0xca6c,
      };
      for (const mask of Object.values(taken)) expect(Number(manifest.options.mark!.default) & mask).toBe(0);
    },
  );

  it.each([
    [{ table: 'a b' }, /table: .* does not match/],
    [{ hook: 'input' }, /hook: .* is not one of forward, output/],
    [{ mark: '0x00000000' }, /mark: .* does not match/],
  ])('refuses %j', async (options, message) => {
    await expect(buildBundled('nftables', samplePolicy(), options)).rejects.toThrow(message);
  });

  it.each([1, 2, 3])('finds a file edited by hand (200 edits, seed %i)', async (seed) => {
    const output = await buildBundled('nftables', samplePolicy());
    const uncaught = uncaughtEdits(output, { count: 200, seed, comment: /^#/ });
    // Neutral is another order of elements or rules.
    expect(uncaught.filter(({ kind }) => kind !== 'exchange')).toEqual([]);
    expect(uncaught.length).toBeLessThan(40);
  });

  it.each([
    [
      'azure-chain.nft',
      'flush chain inet azure_allow forward\n',
      '',
      /expected "flush chain inet azure_allow forward"/,
    ],
    [
      'azure-sets.nft',
      'flush set inet azure_allow sql_ipv4\n',
      '',
      /expected "flush set inet azure_allow sql_ipv4"/,
    ],
    ['azure-chain.nft', 'policy accept', 'policy drop', /expected/],
    ['azure-chain.nft', 'hook forward', 'hook output', /expected/],
    ['azure-chain.nft', 'table inet azure_allow', 'table inet other', /expected "table inet azure_allow/],
    ['azure-chain.nft', '0x00001000 accept', '0x00001001 accept', /another mark/],
    ['azure-chain.nft', 'or 0x00001000 accept', 'or 0x00001000 drop', /expected/],
    ['azure-chain.nft', 'ip daddr @sql_ipv4', 'ip6 daddr @sql_ipv4', /expected .*ip daddr @sql_ipv4/],
    ['azure-chain.nft', 'ip daddr @sql_ipv4', 'ip daddr @connector_ipv4', /expected .*ip daddr @sql_ipv4/],
    ['azure-sets.nft', '\t198.18.0.0/15,\n', '', /must not be empty/],
    ['azure-sets.nft', '\t198.18.0.0/15,\n', '\t198.18.0.0/15,\n\t198.18.0.0/16,\n', /overlap/],
    ['azure-sets.nft', '198.18.0.0/15', '198.18.0.0/14', /host bits/],
    ['azure-chain.nft', 'dport { 1433, 11000-11999 }', 'dport { 1433, 11000-11998 }', /missing: port 11999/],
    ['load.sh', 'load azure-chain.nft\n', '', /load.sh:\d+: not the load script/],
    ['load.sh', 'azure_allow', 'filter', /load.sh:\d+: not the load script/],
  ] as const)('refuses %s with %s changed to %j', async (path, from, to, message) => {
    const { target, plan, files } = await buildBundled('nftables', samplePolicy());
    const changed = files.map((file) =>
      file.path === path ? { path, text: file.text.replace(from, to) } : file,
    );
    expect(changed).not.toEqual(files);
    const judge = () => {
      const problems = proveReadBack(target, plan, changed);
      if (problems.length > 0) throw new Error(problems.map(({ what }) => what).join('\n'));
    };
    expect(judge).toThrow(message);
  });
});
