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
  lacks('nft', 'ipset', 'iptables-nft', 'iptables-legacy', 'dnsmasq', 'squid', 'ip', 'nsenter', 'unshare') ||
  lacksNamespaces();

const REAL = `version: 1
feed: { cloud: public }
rules:
  - { name: connector, serviceTags: [AzureCloud, AzureActiveDirectory], ports: [80, 443] }
  - { name: sql, serviceTags: [Sql.WestEurope], ports: [1433, 11000-11999, 123/udp, 3478-3481/udp] }
targets: { nftables: {}, iptables: {} }
`;

/** Names that come and go between two weeks, and a rule for some clients: before and after. */
const NAMES = (hosts: string, port: string) => `version: 1
feed: { cloud: public }
rules:
  - { name: web, hosts: [login.example.com, ${hosts}], ports: [443] }
  - { name: bound, hosts: [api.example.net], ports: [${port}], clients: [10.20.0.0/28] }
targets: { squid: {}, dnsmasq: { sets: SETS } }
guards: { special-use: { allow: [198.18.0.0/15, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, '2001:db8::/32'] } }
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
  /** Two weeks of the sample, published once. */
  let published: Promise<[string, string]> | undefined;
  const sample = () => (published ??= publishSample());
  const publishSample = () => {
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
    expect(rows.map(({ rule, kind }) => `${rule} ${kind}`)).toEqual([
      'connector IPv4',
      'connector IPv6',
      'storage-weu IPv4',
      'storage-weu IPv6',
    ]);
    for (const { attempts, stayOpen, open, close, stayClosed } of rows) {
      expect(stayOpen + open + close + stayClosed).toBe(attempts);
      expect(Math.min(stayOpen, open, stayClosed)).toBeGreaterThan(0);
    }
    // The sample takes addresses away, of IPv4 alone.
    expect(rows.map(({ close }) => close > 0)).toEqual([true, false, true, false]);
  });

  it.each([
    {
      target: 'squid',
      sets: 'nftables',
      // 10 names, 3 ports, 2 methods; 4 names, 6 ports, 2 methods, from a client of the rule and from another.
      rows: [
        { rule: 'web', attempts: 60, stayOpen: 2, open: 2, close: 2 },
        { rule: 'bound', attempts: 96, stayOpen: 0, open: 2, close: 2 },
      ],
    },
    ...['nftables', 'ipset'].map((sets) => ({
      target: 'dnsmasq',
      sets,
      // 2 families; dnsmasq takes in what is below a host, and knows no clients.
      rows: [
        { rule: 'web', attempts: 60, stayOpen: 4, open: 4, close: 4 },
        { rule: 'bound', attempts: 48, stayOpen: 0, open: 4, close: 4 },
      ],
    })),
  ])(
    '$target ($sets): names fare as the files say, those that left included',
    async ({ target, sets, rows }) => {
      const folder = fileURLToPath(new URL('../../data/sample/', import.meta.url));
      const trees: string[] = [];
      for (const [index, text] of [
        NAMES("'*.old.example.com'", '8080'),
        NAMES("'*.new.example.com'", '8443'),
      ].entries()) {
        const file = join(work, `${target}-${sets}-${index}.yaml`);
        writeFileSync(file, text.replace('SETS', sets));
        const tree = join(work, `${target}-${sets}-${index}`);
        const feed = join(folder, 'ServiceTags_Public_20260105.json');
        const { status, stderr } = await run(['run', '-c', file, '-o', tree, '--feed', feed]);
        expect([status, stderr]).toEqual([0, expect.anything()]);
        trees.push(tree);
      }
      const { status, stdout, stderr } = await run([
        'rehearse',
        trees[1]!,
        trees[0]!,
        '--target',
        target,
        '--json',
      ]);
      expect([status, stderr]).toEqual([0, '']);
      const found = JSON.parse(stdout) as Rehearsal;
      expect(found.surprises).toEqual([]);
      expect(found.rows).toMatchObject(rows.map((row) => ({ ...row, kind: 'names' })));
    },
  );

  it('a run rehearses what it would publish, and tells it in the review', async () => {
    const folder = fileURLToPath(new URL('../../data/sample/', import.meta.url));
    const file = join(work, 'publish.yaml');
    writeFileSync(
      file,
      readFileSync(join(folder, 'allowlist.yaml'), 'utf8').replace(
        'iptables: {}',
        'iptables: {}\npublish: { rehearse: [squid] }',
      ),
    );
    const tree = join(work, 'publish');
    const week = (date: string, path?: string) =>
      run(['run', '-c', file, '-o', tree, '--feed', join(folder, `ServiceTags_Public_${date}.json`)], path);
    expect((await week('20260105')).status).toBe(0);
    const first = readFileSync(join(tree, 'REVIEW.md'), 'utf8');
    expect(first).toContain('### `squid`, in Squid');

    // A Squid that finds one network less in its lists than the run has written.
    const bin = mkdtempSync(join(work, 'bin-'));
    writeFileSync(
      join(bin, 'squid'),
      `#!/bin/sh\nlists=$(sed -n 's,^include \\(.*\\)/azure-allow.conf,\\1,p' "$3")\nfor list in "$lists"/*ipv4*; do sed -i '$d' "$list"; done\nexec ${findProgram('squid')} "$@"\n`,
    );
    chmodSync(join(bin, 'squid'), 0o755);
    const lock = readFileSync(join(tree, 'allowlist.lock.json'), 'utf8');
    const refused = await week('20260112', `${bin}:${process.env.PATH}`);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(
      'publish.rehearse: squid does not do what its files say, in Squid; nothing was written',
    );
    expect(refused.stderr).toMatch(
      /- CONNECT [\d.]+ port 443 from 127\.0\.0\.1 \(rule storage-weu, files in force\): did not come through/,
    );
    expect(readFileSync(join(tree, 'allowlist.lock.json'), 'utf8')).toBe(lock);

    expect((await week('20260112')).status).toBe(0);
    const review = readFileSync(join(tree, 'REVIEW.md'), 'utf8');
    expect(review).toMatch(/\| `storage-weu` \| IPv4 \| 264 \| 36 \| 4 \| 4 \| 220 \|/);
    expect((await run(['verify', tree])).status).toBe(0);
    // Nothing changes: nothing is rehearsed, and the review stays.
    expect((await week('20260112', '/usr/bin:/bin')).status).toBe(0);
    expect(readFileSync(join(tree, 'REVIEW.md'), 'utf8')).toBe(review);
  });

  it.skipIf(!feedsAvailable)('two real weeks of AzureCloud fare as their files say', async () => {
    const [before, after] = await publish('real', REAL, [feedFile('20250714'), feedFile('20250721')]);
    const { status, stdout } = await run(['rehearse', after, before, '--target', 'nftables']);
    process.stderr.write(stdout);
    expect(status).toBe(0);
    expect(stdout).toContain('Every request fared as the files say.');
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
        expect.stringMatching(/does not do what its files say \([\d,]+ requests\)/),
      ]);
      expect(stdout).toContain(
        came ? 'files planned): came through' : 'files planned): did not come through',
      );
    }
  });

  it('says which targets it knows', async () => {
    const [, after] = await sample();
    const { status, stderr } = await run(['rehearse', after, '--target', 'pac']);
    expect([status, stderr]).toEqual([
      5,
      expect.stringContaining('only nftables, iptables, dnsmasq, squid can be rehearsed, not pac'),
    ]);
  });
});
