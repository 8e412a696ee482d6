import { describe, expect, it } from 'vitest';
import { proveReadBack } from '../../src/targets/build.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { buildBundled, expectGolden, uncaughtEdits } from '../support/rule-files.ts';

describe('iptables', () => {
  it('writes what the golden files hold', async () => {
    const { files, plan } = await buildBundled('iptables', samplePolicy());
    await expectGolden('iptables', files);
    expect(plan.omissions.map(({ rule, kind }) => [rule, kind])).toContainEqual(['connector', 'names']);
  });

  it('splits ports over multiport matches of 15 slots, a range taking two', async () => {
    const ports = [...Array.from({ length: 14 }, (_, index) => 100 + 2 * index), '200-299', 400].join(',');
    const { files } = await buildBundled(
      'iptables',
      makePolicy({ name: 'many', prefixes: ['192.0.2.0/24'], ports }),
    );
    const rules = files.find(({ path }) => path === 'iptables.rules')!.text;
    expect(rules.match(/--dports \S+/g)).toEqual([
      '--dports 100,102,104,106,108,110,112,114,116,118,120,122,124,126',
      '--dports 200:299,400',
    ]);
  });

  it('keeps set names of the longest rule names within 31 characters', async () => {
    const name = 'a'.repeat(20);
    const { files } = await buildBundled(
      'iptables',
      makePolicy({ name, prefixes: ['192.0.2.0/24', '2001:db8::/32'] }),
    );
    const names = files
      .slice(0, 3)
      .flatMap(({ text }) => [...text.matchAll(/az-\S+/g)].map(([match]) => match));
    expect(names.length).toBeGreaterThan(8);
    for (const set of names) expect(set.length).toBeLessThanOrEqual(31);
  });

  it('declares the chain even where nothing is left, so that the next load empties it', async () => {
    const { files } = await buildBundled('iptables', makePolicy({ name: 'nothing' }), { chain: 'EGRESS' });
    const statements = Object.fromEntries(
      files
        .slice(0, 3)
        .map(({ path, text }) => [path, text.split('\n').filter((line) => !/^(#.*)?$/.test(line))]),
    );
    expect(statements).toEqual({
      'azure.ipset': [],
      'iptables.rules': ['*filter', ':EGRESS - [0:0]', 'COMMIT'],
      'ip6tables.rules': ['*filter', ':EGRESS - [0:0]', 'COMMIT'],
    });
  });

  it('says all addresses in two halves, because a set refuses /0', async () => {
    const { files } = await buildBundled(
      'iptables',
      makePolicy({ name: 'all', prefixes: ['0.0.0.0/0', '::/0'] }),
    );
    const added = files[0]!.text.match(/^add .*$/gm);
    expect(added).toEqual([
      'add az-all-4-new 0.0.0.0/1',
      'add az-all-4-new 128.0.0.0/1',
      'add az-all-6-new ::/1',
      'add az-all-6-new 8000::/1',
    ]);
  });

  it.each([1, 2, 3])('finds a file edited by hand (200 edits, seed %i)', async (seed) => {
    const output = await buildBundled('iptables', samplePolicy());
    const uncaught = uncaughtEdits(output, { count: 200, seed, comment: /^#/ });
    // Neutral are another hash size, and another order of commands that do not depend on each other.
    const withoutSize = (line: string) => line.replace(/hashsize \d+/, '');
    expect(
      uncaught.filter(
        ({ kind, before, after }) => kind !== 'exchange' && withoutSize(before) !== withoutSize(after),
      ),
    ).toEqual([]);
    expect(uncaught.length).toBeLessThan(60);
  });

  it.each([
    ['azure.ipset', 'swap az-sql-4-new az-sql-4\n', '', /az-sql-4.*never filled|no such set/],
    ['azure.ipset', 'flush az-sql-4-new\n', '', /what an earlier load left/],
    ['azure.ipset', 'maxelem 1048576', 'maxelem 65536', /cannot be loaded twice/],
    ['iptables.rules', 'az-sql-4 dst', 'az-sql-4 src', /not a rule of this format/],
    ['iptables.rules', 'az-sql-4 dst', 'az-sql-6 dst', /there is no set az-sql-6/],
    ['iptables.rules', 'az-storage-weu-4 dst', 'az-storage-weu-6 dst', /other family/],
    ['iptables.rules', '-j ACCEPT', '-j DROP', /not a rule of this format/],
    ['ip6tables.rules', 'COMMIT\n', '', /COMMIT/],
    ['ip6tables.rules', 'AZURE-ALLOW', 'AZURE-ALLOX', /is not declared/],
    ['load.sh', '#!/bin/sh', '#!/bin/bash', /load.sh:1: not the load script/],
    ['load.sh', ' --noflush\n', '\n', /load.sh:\d+: not the load script/],
    ['load.sh', 'load azure.ipset | ipset restore\n', '', /load.sh:\d+: not the load script/],
    ['load.sh', 'set -eu\n', '# set -eu\n', /not the load script/],
  ] as const)('refuses %s with %j changed to %j', async (path, from, to, message) => {
    const { target, plan, files } = await buildBundled('iptables', samplePolicy());
    const changed = files.map((file) => {
      if (file.path !== path) return file;
      expect(file.text).toContain(from);
      return { path, text: file.text.replace(from, to) };
    });
    expect(() => proveReadBack(target, plan, changed)).toThrow(message);
  });
});
