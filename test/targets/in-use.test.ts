import { describe, expect, it } from 'vitest';
import type { PolicyRule } from '../../src/policy/policy.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { policyInUse } from '../../src/targets/in-use.ts';
import { policyOf, tag } from '../review/weeks.ts';
import { exampleOptions } from '../support/manifests.ts';

const policy = policyOf(
  {
    named: [tag('AzureCloud', '', '192.0.2.0/24')],
    always: [tag('Storage', '', '198.51.100.0/25')],
    plain: [tag('Sql', '', '198.51.100.128/25')],
  },
  { name: 'named', names: { '443': ['*.example.com'] } },
  { name: 'always', names: { '443': ['a.example.net'] }, addressUse: 'always' },
  { name: 'plain' },
);

async function tagsInUse(...ids: string[]) {
  const targets = await Promise.all(
    ids.map(async (id) => {
      const target = await loadTarget(id);
      return { id, target, options: exampleOptions(target.manifest) };
    }),
  );
  const { policy: used, unused } = policyInUse(policy, targets);
  return {
    used: used.rules.flatMap((rule: PolicyRule) => rule.tags.map((one) => one.tag)),
    unused,
    digest: used.digest,
  };
}

describe('tags in use', () => {
  it.each([
    [['squid', 'paloalto'], ['Storage', 'Sql'], [{ rule: 'named', tags: ['AzureCloud'] }]],
    [['squid', 'iptables'], ['AzureCloud', 'Storage', 'Sql'], []],
    [[], ['AzureCloud', 'Storage', 'Sql'], []],
  ])('of %j are %j', async (ids, used, unused) => {
    expect(await tagsInUse(...ids)).toMatchObject({ used, unused });
  });

  it('decide the digest: what no target uses is not in it', async () => {
    const before = (await tagsInUse('squid')).digest;
    expect(before).not.toBe(policy.digest);
    expect((await tagsInUse('squid', 'iptables')).digest).toBe(policy.digest);
  });
});
