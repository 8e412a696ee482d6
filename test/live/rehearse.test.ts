import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Rehearsal } from '../../src/rehearse/rehearse.ts';
import { type BuiltProduct, buildProduct } from '../support/built-product.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { findProgram, lacks, lacksNamespaces } from '../support/programs.ts';

const absent =
  lacks('nft', 'ipset', 'iptables-nft', 'iptables-legacy', 'ip', 'nsenter', 'unshare') || lacksNamespaces();

const REAL = `version: 1
feed: { cloud: public }
rules:
  - { name: connector, serviceTags: [AzureCloud, AzureActiveDirectory], ports: [80, 443] }
  - { name: sql, serviceTags: [Sql.WestEurope], ports: [1433, 11000-11999, 123/udp, 3478-3481/udp] }
targets: { nftables: {}, iptables: {} }
`;

describe.skipIf(absent)('rehearse', () => {
  let product: BuiltProduct;
  let work: string;
  const run = async (args: readonly string[], path = process.env.PATH ?? '') => {
    const child = spawn(process.execPath, [join(product.folder, 'dist/program/main.js'), ...args], {
      env: { ...process.env, PATH: path },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, stdout, stderr };
  };
  /** Publishes two weeks, and gives their trees. */
  const publish = async (name: string, configuration: string, feeds: readonly string[]) => {
    writeFileSync(join(work, `${name}.yaml`), configuration);
    const trees: string[] = [];
    for (const feed of feeds) {
      const tree = join(work, `${name}-${trees.length}`);
      const { status, stderr } = await run([
        'run',
        '-c',
        join(work, `${name}.yaml`),
        '-o',
        tree,
        '--feed',
        feed,
      ]);
      expect([status, stderr]).toEqual([0, expect.anything()]);
      trees.push(tree);
    }
    return trees as [string, string];
  };
  const sample = () => {
    const folder = fileURLToPath(new URL('../../data/sample/', import.meta.url));
    const text = readFileSync(join(folder, 'allowlist.yaml'), 'utf8').replace(
      'iptables: {}',
      'iptables: {}\n  nftables: {}',
    );
    return publish('sample', text, [
      join(folder, 'ServiceTags_Public_20260105.json'),
      join(folder, 'ServiceTags_Public_20260112.json'),
    ]);
  };

  beforeAll(async () => {
    product = await buildProduct();
    work = mkdtempSync(join(realpathSync(tmpdir()), 'rehearse-'));
  });
  afterAll(() => {
    product?.remove();
    rmSync(work, { recursive: true, force: true });
  });

  it.each([
    { target: ['nftables'] },
    { target: ['iptables', '--xtables', 'nft'] },
    { target: ['iptables', '--xtables', 'legacy'] },
  ])('$target: the sample fares as its files say, before and after', async ({ target }) => {
    const [before, after] = await sample();
    const flags = ['--target', ...target, '--json'];
    const { status, stdout, stderr } = await run(['rehearse', after, before, ...flags]);
    expect([status, stderr]).toEqual([0, '']);
    const { rows, surprises, notSent } = JSON.parse(stdout) as Rehearsal;
    expect([surprises, notSent]).toEqual([[], 0]);
    expect(rows.map(({ rule, family }) => `${rule} ${family}`)).toEqual([
      'connector 4',
      'connector 6',
      'storage-weu 4',
      'storage-weu 6',
    ]);
    for (const { attempts, stayOpen, open, close, stayClosed } of rows) {
      expect(stayOpen + open + close + stayClosed).toBe(attempts);
      expect(Math.min(stayOpen, open, stayClosed)).toBeGreaterThan(0);
    }
    // The sample takes addresses away, of IPv4 alone.
    expect(rows.map(({ close }) => close > 0)).toEqual([true, false, true, false]);
  });

  it.skipIf(!feedsAvailable)('two real weeks of AzureCloud fare as their files say', async () => {
    const [before, after] = await publish('real', REAL, [feedFile('20250714'), feedFile('20250721')]);
    const { status, stdout } = await run(['rehearse', after, before, '--target', 'nftables']);
    process.stderr.write(stdout);
    expect(status).toBe(0);
    expect(stdout).toContain('Every packet fared as the files say.');
    expect(stdout).toContain('| connector | IPv4 | 17,916 | 2,910 | 104 | 40 | 14,862 |');
  });

  it('finds a kernel that does other than the files say', async () => {
    const [, after] = await sample();
    // An nft that loses one network, and one that opens another port, on the way into the kernel.
    for (const [edit, came] of [
      ['/^\\t198\\.51\\.100\\./d', false],
      ['s/dport { 443 }/dport { 443, 444 }/', true],
    ] as const) {
      const folder = mkdtempSync(join(work, 'bin-'));
      writeFileSync(
        join(folder, 'nft'),
        `#!/bin/sh\n[ "$*" = "-f -" ] || exec ${findProgram('nft')} "$@"\nsed '${edit}' | ${findProgram('nft')} -f -\n`,
      );
      chmodSync(join(folder, 'nft'), 0o755);
      const { status, stdout, stderr } = await run(
        ['rehearse', after, '--target', 'nftables'],
        `${folder}:${process.env.PATH}`,
      );
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/does not do what its files say \(\d+ packets\)/),
      ]);
      expect(stdout).toContain(
        came ? 'files planned): came through' : 'files planned): did not come through',
      );
    }
  });

  it('says which targets it knows', async () => {
    const [, after] = await sample();
    const { status, stderr } = await run(['rehearse', after, '--target', 'squid']);
    expect([status, stderr]).toEqual([
      5,
      expect.stringContaining('only nftables and iptables can be rehearsed'),
    ]);
  });
});
