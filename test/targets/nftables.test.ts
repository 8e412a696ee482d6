import { describe, expect, it } from 'vitest';
import { proveReadBack } from '../../src/targets/build.ts';
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
    expect(files[0]!.text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
      'table inet egress {',
      '\tchain allow {',
      '\t\ttype filter hook output priority filter - 10; policy accept;',
      '\t}',
      '}',
      'flush chain inet egress allow',
      '',
    ]);
  });

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
    ['flush chain inet azure_allow allow\n', '', /expected "flush chain inet azure_allow allow"/],
    ['flush set inet azure_allow sql_ipv4\n', '', /expected "flush set inet azure_allow sql_ipv4"/],
    ['policy accept', 'policy drop', /expected/],
    ['0x00010000 accept', '0x00010001 accept', /another mark/],
    ['or 0x00010000 accept', 'or 0x00010000 drop', /expected/],
    ['ip daddr @sql_ipv4', 'ip6 daddr @sql_ipv4', /other family/],
    ['ip daddr @sql_ipv4', 'ip daddr @connector_ipv4', /expected the rule of sql_ipv4/],
    ['\t198.18.0.0/15,\n', '', /must not be empty/],
    ['\t198.18.0.0/15,\n', '\t198.18.0.0/15,\n\t198.18.0.0/16,\n', /overlap/],
    ['198.18.0.0/15', '198.18.0.0/14', /host bits/],
    ['dport { 1433, 11000-11999 }', 'dport { 1433, 11000-11998 }', /missing: port 11999/],
  ] as const)('refuses %j changed to %j', async (from, to, message) => {
    const { target, plan, files } = await buildBundled('nftables', samplePolicy());
    expect(files[0]!.text).toContain(from);
    const changed = [{ path: 'azure.nft', text: files[0]!.text.replace(from, to) }];
    const judge = () => {
      const problems = proveReadBack(target, plan, changed);
      if (problems.length > 0) throw new Error(problems.map(({ what }) => what).join('\n'));
    };
    expect(judge).toThrow(message);
  });
});
