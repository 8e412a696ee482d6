import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;

/** A rule by address alone: what is published is what is written. */
const STORAGE = { name: 'storage-weu', serviceTags: ['Storage.WestEurope'], ports: [443] };

function place(changes: Readonly<Record<string, unknown>>) {
  const folder = workplace();
  const configure = (more: Readonly<Record<string, unknown>>) =>
    writeConfiguration(
      folder,
      sampleConfiguration({ rules: [STORAGE], targets: { iptables: {}, edl: {} }, ...more }),
    );
  configure(changes);
  const run = (week: string, ...flags: string[]) =>
    azureAllowlist(['run', '--feed', week, ...flags], { cwd: folder });
  const text = (path: string) => readFileSync(join(folder, 'allowlists', path), 'utf8');
  return { folder, run, text, configure };
}

/** A sentence however the terminal breaks it. */
const flat = (text: string) => text.replace(/\s+/g, ' ');

describe('constraints', () => {
  it('never lets through what an organisation forbids, and declares it', async () => {
    const { folder, run, text } = place({
      constraints: { never: ['198.19.1.64/26', { file: 'never.txt' }] },
    });
    writeFileSync(join(folder, 'never.txt'), '# our own\n198.19.6.0/24 # the office\n\n2001:db8:ffff::/48\n');
    const { status, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    const lines = text('edl/ipv4.txt').split('\n');
    expect(lines).toContain('198.19.1.0/26');
    expect(lines).toContain('198.19.1.128/25');
    expect(lines.filter((line) => line.startsWith('198.19.6.'))).toEqual([]);
    const declared = 'constraints.never leaves out of Storage.WestEurope: 198.19.1.64/26, 198.19.6.0/24';
    expect(flat(text('REVIEW.md').replaceAll('\\', ''))).toContain(declared);
    expect(flat(text('edl/about.txt').replaceAll('\n# ', ' '))).toContain(declared);
    expect((await azureAllowlist(['verify', 'allowlists'], { cwd: folder })).status).toBe(0);
    const { stdout } = await azureAllowlist(['check', '198.19.6.7', '--in', 'allowlists', '--port', '443'], {
      cwd: folder,
    });
    expect(stdout).not.toMatch(/allowed/);
  });
  it('is told alike by the run that lifts or sets it and by diff', async () => {
    const never = { constraints: { never: ['198.19.1.64/26'] } };
    const { folder, run, configure } = place(never);
    const verdictOf = (stdout: string) => {
      const { review, summary } = JSON.parse(stdout);
      return (review?.summary ?? summary).verdict;
    };
    const told: unknown[] = [];
    for (const [name, changes] of [
      ['first', never],
      ['lifted', {}],
      ['set', never],
    ] as const) {
      configure(changes);
      const { status, stdout, stderr } = await run(ONE, '--json');
      expect(status, stderr).toBe(0);
      told.push(verdictOf(stdout));
      cpSync(join(folder, 'allowlists'), join(folder, name), { recursive: true });
    }
    expect(told.slice(1)).toMatchObject([
      { level: 'look', text: expect.stringContaining('gains addresses that the constraints left out') },
      { level: 'look', text: expect.stringContaining('loses addresses that the constraints leave out') },
    ]);
    for (const [index, [before, after]] of [
      ['first', 'lifted'],
      ['lifted', 'set'],
    ].entries()) {
      const { stdout } = await azureAllowlist(['diff', before!, after!, '--format', 'json'], { cwd: folder });
      expect(verdictOf(stdout)).toEqual(told[index + 1]);
    }
  });

  it.skipIf(!feedsAvailable)('keeps a budget from widening over it', async () => {
    const week = feedFile('20250818');
    const target = { edl: { budget: 40 } };
    const { run, text, configure } = place({ targets: target });
    const free = await run(week);
    expect(free.status, free.stderr).toBe(0);
    const admitted = () =>
      DualStackSet.fromPrefixes(text('edl/ipv4.txt').trimEnd().split('\n').map(parsePrefix));
    const published = new DualStackSet(
      DualStackSet.fromPrefixes(tagPrefixes(readWeek('20250818'), 'Storage.WestEurope').map(parsePrefix))
        .ipv4,
      DualStackSet.empty.ipv6,
    );
    const [first] = admitted().difference(published).cover();
    expect(first, 'the budget widens').toBeDefined();
    const extra = DualStackSet.fromPrefixes([first!]);
    configure({ targets: target, constraints: { never: extra.toStrings() } });
    const { status, stderr } = await run(week);
    expect(status, stderr).toBe(0);
    const written = admitted();
    expect(written.intersection(extra).isEmpty).toBe(true);
    expect(published.difference(written).isEmpty).toBe(true);
    expect(written.difference(published).isEmpty, 'the budget widens elsewhere').toBe(false);
  });

  it('cuts out, or refuses, what lies outside the ranges that alone may be published', async () => {
    const within = ['198.19.0.0/21', '2001:db8::/32'];
    const { run, text, configure } = place({ constraints: { within } });
    const cut = await run(ONE);
    expect(cut.status, cut.stderr).toBe(0);
    const outside = text('edl/ipv4.txt')
      .split('\n')
      .filter((line) => line !== '' && !/^198\.19\.[0-7]\./.test(line));
    expect(outside).toEqual([]);
    expect(text('REVIEW.md')).toContain('constraints.within leaves out of Storage.WestEurope');
    configure({ constraints: { within, outside: 'refuse' } });
    const refused = await run(TWO);
    expect(refused.status).toBe(3);
    expect(flat(refused.stderr)).toMatch(/constraints: Storage.WestEurope has .* outside constraints.within/);
    const accepted = await run(TWO, '--accept', 'constraints');
    expect(accepted.status, accepted.stderr).toBe(0);
    expect(text('REVIEW.md')).toContain('constraints');
  });

  it.each([
    [
      { constraints: { never: ['198.19.1.1/24'] } },
      /constraints\.never\[0\]: .*host bits set; did you mean 198\.19\.1\.0\/24/,
    ],
    [{ constraints: { never: [{ file: 'gone.txt' }] } }, /gone\.txt: .*ENOENT/],
    [
      {
        rules: [{ name: 'own', prefixes: ['198.19.0.0/16'], ports: [443] }],
        constraints: { never: ['198.19.1.0/24'] },
      },
      /rules\[0\]\.prefixes: 198\.19\.1\.0\/24 is in constraints\.never/,
    ],
    [{ constraints: { outside: 'refuse' } }, /constraints\.outside: means nothing without within/],
    [{ require: [{ ports: [443] }] }, /require\[0\]: requires nothing/],
    [{ require: [{ host: 'https://x.example' }] }, /require\[0\]\.host.*is not a host name/],
  ])('refuses a configuration that contradicts itself: %j', async (changes, message) => {
    const { run } = place(changes);
    const { status, stderr } = await run(ONE);
    expect(status).toBe(5);
    expect(flat(stderr)).toMatch(message);
  });
});

describe('what has to stay reachable', () => {
  it('refuses a first run through which it is not, and tells target, ranges and place', async () => {
    const { run } = place({
      require: [{ host: 'blob.example.com', addresses: ['198.19.1.0/24', '198.19.255.0/25'] }],
    });
    const { status, stderr } = await run(ONE);
    expect(status).toBe(3);
    const text = flat(stderr);
    expect(text).toContain(
      'must-have: iptables allows blob.example.com neither by name nor by address: it does not allow 198.19.255.0/25 on port 443 (require[0])',
    );
    expect(text).toContain('must-have: edl allows');
    expect(text).toContain('--accept must-have');
  });

  it('is content with the name where a target matches names, and with the addresses elsewhere', async () => {
    const { run } = place({
      rules: [STORAGE, { name: 'blob', hosts: ['*.example.com'], ports: [443] }],
      targets: { squid: {}, iptables: {} },
      require: [{ host: 'blob.example.com', addresses: ['198.19.1.0/24'] }],
    });
    const { status, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
  });

  it('refuses a week that takes a required range away, whatever the percentage', async () => {
    const gone = '198.19.1.0/24';
    const { folder, run } = place({ require: [{ addresses: [gone] }] });
    expect((await run(ONE)).status).toBe(0);
    const week = JSON.parse(readFileSync(TWO, 'utf8'));
    for (const { properties } of week.values)
      properties.addressPrefixes = properties.addressPrefixes.filter((prefix: string) => prefix !== gone);
    const poisoned = join(folder, 'ServiceTags_Public_20260112.json');
    writeFileSync(poisoned, JSON.stringify(week));
    const { status, stderr } = await run(poisoned, '--accept', 'tag-shrink,feed-shrink');
    expect(status).toBe(3);
    expect(flat(stderr)).toContain(
      'must-have: iptables does not allow 198.19.1.0/24 on port 443 (require[0])',
    );
  });
});
