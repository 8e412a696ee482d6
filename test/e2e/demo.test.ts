import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { readTree, stamps } from '../publish/trees.ts';
import { azureAllowlist, installed, workplace, writeConfiguration } from './command.ts';
import {
  CONNECTOR_TAGS,
  FOUR_TARGETS,
  SAMPLE_WEEKS,
  sampleConfiguration,
  twoRules,
} from './configurations.ts';
import { coverOf, type Range, rangesOf, sizeOf, without } from './plain-addresses.ts';

const TARGETS = Object.keys(FOUR_TARGETS);
const RULES = { connector: CONNECTOR_TAGS, 'storage-weu': ['Storage.WestEurope'] } as const;

/** The prefixes of each tag of a sample week, from its JSON and nothing else. */
function published(file: string): Map<string, string[]> {
  const { values } = JSON.parse(readFileSync(file, 'utf8')) as {
    values: { name: string; properties: { addressPrefixes: string[] } }[];
  };
  return new Map(values.map(({ name, properties }) => [name, properties.addressPrefixes]));
}

/** What changed in the addresses of some tags from week one to week two. */
function change(tags: readonly string[]) {
  const [before, after] = SAMPLE_WEEKS.map((file) => {
    const week = published(file);
    return tags.flatMap((tag) => week.get(tag) ?? []);
  }) as [string[], string[]];
  const of = (family: 4 | 6) => {
    const [old, now] = [rangesOf(before, family), rangesOf(after, family)];
    return { now, gained: without(now, old), lost: without(old, now) };
  };
  return {
    ipv4: of(4),
    ipv6: of(6),
    prefixesGained: after.filter((prefix) => !before.includes(prefix)).length,
    prefixesLost: before.filter((prefix) => !after.includes(prefix)).length,
  };
}

const counted = (ranges: readonly Range[]) => sizeOf(ranges).toLocaleString('en-US');
/** IPv6 is counted in /64 networks; the sample has no smaller ones at odds with them. */
const networks = (ranges: readonly Range[]) => {
  expect(sizeOf(ranges) % 2n ** 64n, 'the sample publishes whole /64 networks').toBe(0n);
  return (sizeOf(ranges) / 2n ** 64n).toLocaleString('en-US');
};

describe('the demonstration', () => {
  let printed: string;
  let out: string;

  beforeAll(() => {
    printed = execFileSync(process.execPath, [installed('scripts/demo.js')], {
      encoding: 'utf8',
      timeout: 120_000,
      env: { PATH: process.env.PATH ?? '' },
    });
    out = installed('out/demo');
  });

  it('leaves the four targets, the lock, the snapshot and the review, and prints the review', () => {
    const paths = [...readTree(out).keys()];
    expect(paths).toContain('allowlist.lock.json');
    expect(paths).toContain('REVIEW.md');
    for (const target of TARGETS)
      expect(paths.filter((path) => path.startsWith(`${target}/`)).length, target).toBeGreaterThan(0);
    expect(paths.filter((path) => path.startsWith('snapshot/'))).toEqual(
      [...CONNECTOR_TAGS, 'Storage.WestEurope'].map((tag) => `snapshot/${tag}.txt`).sort(),
    );
    expect(printed).toContain(readFileSync(join(out, 'REVIEW.md'), 'utf8'));
    const lock = JSON.parse(readFileSync(join(out, 'allowlist.lock.json'), 'utf8'));
    expect(Object.keys(lock.targets)).toEqual(TARGETS);
    expect(lock.feed).toMatchObject({ name: 'ServiceTags_Public_20260112.json', fileDate: '2026-01-12' });
  });

  it.each(Object.entries(RULES))('tells the change of rule %s as it is', (rule, tags) => {
    const review = readFileSync(join(out, 'REVIEW.md'), 'utf8');
    const section = review.split(/^## /m).find((text) => text.startsWith(`Rule \`${rule}\``)) ?? '';
    const addresses = section.split('\n').find((line) => line.startsWith('Addresses: ')) ?? '';
    const { ipv4, ipv6 } = change(tags);
    expect(sizeOf(ipv4.gained), 'week two gives the rule something').toBeGreaterThan(0n);
    expect(sizeOf(ipv4.lost), 'and takes something').toBeGreaterThan(0n);
    expect(sizeOf(ipv6.lost)).toBe(0n);
    expect(addresses).toContain(`+ ${counted(ipv4.gained)} IPv4 addresses`);
    expect(addresses).toContain(`− ${counted(ipv4.lost)} IPv4 addresses`);
    expect(addresses).toContain(`${networks(ipv6.gained)} IPv6 /64 networks`);
    expect(addresses).toContain(`now ${counted(ipv4.now)} IPv4 addresses`);
    expect(addresses).toContain(`and ${networks(ipv6.now)} IPv6 /64 networks`);

    // The prefixes that came and went stand in fenced blocks, in the order gained, lost.
    const blocks = [...section.matchAll(/```text\n([\s\S]*?)```/g)].map(([, text = '']) =>
      text.trim().split('\n'),
    );
    expect(blocks).toHaveLength(2);
    for (const [index, direction] of (['gained', 'lost'] as const).entries()) {
      const block = blocks[index]!;
      for (const [family, space] of [
        [4, ipv4],
        [6, ipv6],
      ] as const) {
        expect(rangesOf(block, family)).toEqual(space[direction]);
        expect(block.filter((prefix) => prefix.includes(':') === (family === 6))).toHaveLength(
          coverOf(space[direction], family).length,
        );
      }
    }
  });

  it.each([...CONNECTOR_TAGS, 'Storage.WestEurope'])('tells the change of tag %s as it is', (tag) => {
    const review = readFileSync(join(out, 'REVIEW.md'), 'utf8');
    const row = review.split('\n').find((line) => line.startsWith(`| \`${tag}\` |`)) ?? '';
    const { ipv4, ipv6, prefixesGained, prefixesLost } = change([tag]);
    const cells = row
      .replaceAll('**', '')
      .split('|')
      .map((cell) => cell.trim());
    const pair = (gained: string, lost: string, unit = '') => {
      const parts = [gained === '0' ? '' : `+${gained}`, lost === '0' ? '' : `−${lost}`].filter(Boolean);
      return parts.length === 0 ? '±0' : `${parts.join(' ')}${unit}`;
    };
    expect(cells[3]).toBe(pair(`${prefixesGained}`, `${prefixesLost}`));
    expect(cells[4]).toBe(pair(counted(ipv4.gained), counted(ipv4.lost)));
    expect(cells[5]).toBe(pair(networks(ipv6.gained), networks(ipv6.lost), ' /64'));
  });

  it('is proved by verify', async () => {
    const { status, stdout } = await azureAllowlist(['verify', out], { cwd: workplace() });
    expect(status).toBe(0);
    expect(stdout).toContain('pac, squid, paloalto, iptables read back equal to the policy');
  });
});

describe('the sample', () => {
  const [one, two] = SAMPLE_WEEKS;

  it('is refused by special-use with any other configuration, and nothing is written', async () => {
    const folder = workplace();
    const { guards: _, ...configuration } = sampleConfiguration();
    writeConfiguration(folder, configuration);
    const before = readTree(folder);
    const { status, stdout, stderr } = await azureAllowlist(['run', '--feed', one], { cwd: folder });
    expect(status).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/refused by feed-absurd, special-use; the previous output stands/);
    expect(stderr).toContain('--accept feed-absurd,special-use');
    expect(readTree(folder)).toEqual(before);
  });

  it('shows with --dry-run what a run would do, and writes nothing', async () => {
    const folder = workplace();
    writeConfiguration(folder, sampleConfiguration());
    const dry = (feed: string) =>
      azureAllowlist(['run', '--dry-run', '--detailed-exitcode', '--feed', feed], { cwd: folder });
    const empty = stamps(folder);
    expect((await dry(one)).status).toBe(2);
    expect(stamps(folder)).toEqual(empty);
    expect((await azureAllowlist(['run', '--feed', one], { cwd: folder })).status).toBe(0);
    const published = stamps(folder);
    const same = await dry(one);
    expect(same.status).toBe(0);
    const next = await dry(two);
    expect(next.status).toBe(2);
    expect(next.stdout).toMatch(
      /Dry run, nothing written to .*: 18 files to write \(9 rule files, 9 records\), 0 to remove, 12 unchanged/,
    );
    expect((await azureAllowlist(['run', '--dry-run', '--feed', two], { cwd: folder })).status).toBe(0);
    expect(stamps(folder)).toEqual(published);
  });

  it('gives the same bytes elsewhere and at another time, and a second run touches nothing', async () => {
    const [here, there] = [workplace(), workplace()];
    writeConfiguration(here, sampleConfiguration());
    const run = (args: readonly string[]) => azureAllowlist(['run', ...args], { cwd: here });
    for (const feed of [one, two]) expect((await run(['--feed', feed])).status).toBe(0);
    const out = join(here, 'allowlists');
    const before = stamps(out);
    const second = await run(['--feed', two]);
    expect(second).toMatchObject({ status: 0 });
    expect(second.stdout).toContain('nothing changes on any device');
    expect(stamps(out)).toEqual(before);

    const elsewhere = fileURLToPath(new URL('./elsewhere.mjs', import.meta.url));
    for (const [index, feed] of [one, two].entries()) {
      // The weekly files lie in another folder, too.
      const copy = join(there, feed.slice(feed.lastIndexOf('/') + 1));
      cpSync(feed, copy);
      const { status, stderr } = await azureAllowlist(
        [
          'run',
          '-c',
          writeConfiguration(there, sampleConfiguration(), 'other.yaml'),
          '-o',
          'tree',
          '--feed',
          copy,
        ],
        {
          cwd: there,
          node: ['--import', elsewhere],
          environment: { TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8', USER: 'someone', HOSTNAME: 'other-host' },
        },
      );
      expect(status, stderr).toBe(0);
      expect(stderr, `the clock of run ${index} was moved`).toMatch(/feed-stale: .* \d{4} days old/);
    }
    expect(readTree(join(there, 'tree'))).toEqual(readTree(out));

    for (const [path, text] of readTree(out)) {
      for (const word of [here, there, installed(''), hostname(), process.env.HOME ?? '/nowhere'])
        if (word.length > 3) expect(text.includes(word), `${path} holds ${word}`).toBe(false);
      expect(text, path).not.toMatch(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d/);
    }
  });

  it('has a verify that finds what no run wrote, and an edited lock, which the next run refuses', async () => {
    const folder = workplace();
    writeConfiguration(folder, sampleConfiguration());
    expect((await azureAllowlist(['run', '--feed', SAMPLE_WEEKS[0]], { cwd: folder })).status).toBe(0);
    const verify = () => azureAllowlist(['verify', 'allowlists'], { cwd: folder });
    const evil = join(folder, 'allowlists/iptables/evil.rules');
    writeFileSync(evil, '-A FORWARD -j ACCEPT\n');
    const found = await verify();
    expect(found.status).toBe(1);
    expect(found.stderr).toContain('iptables/evil.rules: lies in the tree and is not in the lock');
    const run = await azureAllowlist(['run', '--feed', SAMPLE_WEEKS[1]], { cwd: folder });
    expect(run.stderr).toMatch(/noted: .*evil\.rules: is not in the lock/);
    rmSync(evil);
    const lock = join(folder, 'allowlists/allowlist.lock.json');
    writeFileSync(
      lock,
      readFileSync(lock, 'utf8').replace('"fileDate": "2026-01-12"', '"fileDate": "2025-01-12"'),
    );
    const edited = await verify();
    expect(edited.status).toBe(1);
    expect(edited.stderr).toContain('allowlist.lock.json: was edited after a run wrote it');
    const refused = await azureAllowlist(['run', '--feed', SAMPLE_WEEKS[1]], { cwd: folder });
    expect(refused.status).toBe(3);
    expect(refused.stderr).toContain('lock-edited');
  });

  it('repairs a file that was edited or lost, and verify names it before', async () => {
    const folder = workplace();
    writeConfiguration(folder, sampleConfiguration());
    const run = () => azureAllowlist(['run', '--feed', one], { cwd: folder });
    await run();
    const out = join(folder, 'allowlists');
    const good = readTree(out);
    appendFileSync(join(out, 'squid/storage-weu-ipv4.txt'), '192.0.2.0/32\n');
    rmSync(join(out, 'iptables/iptables.rules'));
    const found = await azureAllowlist(['verify', 'allowlists'], { cwd: folder });
    expect(found.status).toBe(1);
    expect(found.stderr).toContain('squid/storage-weu-ipv4.txt: was edited after it was generated');
    expect(found.stderr).toContain('iptables/iptables.rules: is missing');
    const { status, stdout } = await run();
    expect(status).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'squid lets 192.0.2.0/32 (port 443) through; the run takes it away',
    );
    expect(stdout).toMatch(/edited .*iptables\/iptables\.rules/);
    expect(stdout).toContain('4 files written (2 rule files, 2 records), 0 removed, 25 unchanged');
    // The review tells of the repair, and the lock of the review.
    const told = new Set(['REVIEW.md', 'allowlist.lock.json']);
    const rest = (tree: ReadonlyMap<string, string>) => [...tree].filter(([path]) => !told.has(path));
    expect(rest(readTree(out))).toEqual(rest(good));
    expect(readFileSync(join(out, 'REVIEW.md'), 'utf8')).toContain('## Drift');
    expect((await azureAllowlist(['verify', 'allowlists'], { cwd: folder })).status).toBe(0);
  });

  it('loses the files of a target that is no longer configured, and lists them', async () => {
    const folder = workplace();
    const run = async (targets: object, feed: string) => {
      writeConfiguration(folder, sampleConfiguration({ targets }));
      return azureAllowlist(['run', '--details', '--feed', feed], { cwd: folder });
    };
    await run(FOUR_TARGETS, one);
    const out = join(folder, 'allowlists');
    writeFileSync(join(out, 'paloalto/notes.txt'), 'by hand\n');
    const before = [...readTree(out).keys()];
    const { squid: _, paloalto: __, ...rest } = FOUR_TARGETS;
    const { status, stdout } = await run(rest, two);
    expect(status).toBe(0);
    const removed = before.filter(
      (path) => /^(squid|paloalto)\//.test(path) && path !== 'paloalto/notes.txt',
    );
    expect(removed.length).toBeGreaterThan(8);
    expect([...stdout.matchAll(/^removed: (.*)$/gm)].map(([, path]) => path).sort()).toEqual(removed.sort());
    expect([...readTree(out).keys()].filter((path) => /^(squid|paloalto)\//.test(path))).toEqual([
      'paloalto/notes.txt',
    ]);
    expect(existsSync(join(out, 'squid'))).toBe(false);
    const review = readFileSync(join(out, 'REVIEW.md'), 'utf8');
    for (const path of removed) expect(review).toContain(`removed: \`${path}\``);
    expect((await azureAllowlist(['verify', 'allowlists'], { cwd: folder })).status).toBe(0);
  });

  it('gives a rule without a change in the policy its new reason, and says that no address changed', async () => {
    const folder = workplace();
    writeConfiguration(folder, sampleConfiguration());
    await azureAllowlist(['run', '--feed', one], { cwd: folder });
    const [connector, storage] = twoRules(undefined);
    writeConfiguration(
      folder,
      sampleConfiguration({ rules: [{ ...connector, reason: 'Two servers' }, storage] }),
    );
    const { status, stdout } = await azureAllowlist(['run', '--feed', one, '--json'], { cwd: folder });
    expect(status).toBe(0);
    const { outcome, review } = JSON.parse(stdout);
    expect(outcome).toBe('published');
    expect(review.rules[0]).toMatchObject({ rule: 'connector', reason: { after: 'Two servers' } });
    expect(review.admission).toEqual({ gained: [], lost: [] });
  });
});
