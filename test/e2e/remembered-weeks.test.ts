import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { collapseAddresses } from '../support/collapse.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';

/** AzureDataLake had 20 prefixes, 2,468 and 19 in these weeks. */
const WEEKS = ['20220502', '20220509', '20220516'] as const;
const DATES = ['2022-05-02', '2022-05-09', '2022-05-16'] as const;
const RULES = { cloud: ['AzureCloud', 'ServiceBus'], lake: ['AzureDataLake'] } as const;
const ACCEPTED = ['tag-growth', 'tag-shrink'];
const OUT = 'repository/allowlists';

interface Noted {
  readonly kind: string;
  readonly rule: string;
  readonly tag: string;
  readonly text: string;
  readonly addresses: Readonly<Record<'ipv4' | 'ipv6', { addresses: string; prefixes: string[] }>>;
}

/** The prefixes of each tag as published, and of all under "", read with nothing of the product. */
function published(week: string): Map<string, string[]> {
  const { values } = JSON.parse(gunzipSync(readFileSync(feedFile(week))).toString('utf8')) as {
    values: { name: string; properties: { addressPrefixes: string[] } }[];
  };
  const tags = new Map(values.map(({ name, properties }) => [name, properties.addressPrefixes]));
  return tags.set('', [...tags.values()].flat());
}

const prefixesOf = ({ addresses }: Noted) => [...addresses.ipv4.prefixes, ...addresses.ipv6.prefixes];

describe.skipIf(!feedsAvailable || lacks('python3') || lacks('git'))('three real weeks in a row', () => {
  it('note what is new to Azure and what went after a week, as Python finds it', async () => {
    const folder = workplace();
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
        cwd: join(folder, 'repository'),
        encoding: 'utf8',
        env: { PATH: process.env.PATH ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
      });
    execFileSync('git', ['init', '-q', join(folder, 'repository')], {
      env: { PATH: process.env.PATH ?? '' },
    });
    writeConfiguration(folder, {
      version: 1,
      rules: Object.entries(RULES).map(([name, serviceTags]) => ({ name, serviceTags, ports: [443] })),
      targets: { squid: {}, iptables: {} },
      output: OUT,
    });
    const command = async (args: readonly string[], cwd = folder) => {
      const ended = await azureAllowlist(args, { cwd });
      expect(ended.status, ended.stderr).toBe(0);
      return ended.stdout;
    };
    const run = async (week: string, ...flags: readonly string[]) => {
      const args = ['run', '--feed', feedFile(week), '--accept', ACCEPTED.join(','), ...flags];
      return JSON.parse(await command([...args, '--json']));
    };

    const notes: Noted[][] = [];
    const spaces: string[] = [];
    for (const week of WEEKS) {
      const dry = week === WEEKS[2] ? await run(week, '--dry-run') : undefined;
      const { outcome, review } = await run(week);
      expect(outcome).toBe('published');
      if (dry !== undefined) expect(dry.review, 'a dry run says the same').toEqual(review);
      notes.push(review.notes);
      spaces.push(readFileSync(join(folder, OUT, 'azure-space.txt'), 'utf8'));
      git('add', '-A');
      git('commit', '-qm', week);
    }
    const [first, second, third] = notes as [Noted[], Noted[], Noted[]];
    expect(first.filter(({ kind }) => kind !== 'nested')).toEqual([]);
    expect(second.filter(({ kind }) => kind === 'short-lived')).toEqual([]);
    expect(second.some(({ kind }) => kind === 'new-space')).toBe(true);
    const shortLived = third.filter(({ kind }) => kind === 'short-lived');
    expect(shortLived.map(({ rule, text }) => [rule, text])).toEqual([
      ['lake', `loses addresses that it gained only on ${DATES[1]}`],
    ]);

    // Everything again, with Python's ipaddress.
    const feeds = WEEKS.map(published) as [
      Map<string, string[]>,
      Map<string, string[]>,
      Map<string, string[]>,
    ];
    const [lake2, lake9, lake16] = feeds.map((feed) => feed.get('AzureDataLake')!) as [
      string[],
      string[],
      string[],
    ];
    expect([lake2.length, lake9.length, lake16.length]).toEqual([20, 2468, 19]);
    const groups: Record<string, string[]> = {
      'lake told': prefixesOf(shortLived[0]!),
      'lake rest': [...lake2, ...lake16],
      'lake told and rest': [...prefixesOf(shortLived[0]!), ...lake2, ...lake16],
      'lake all': [...lake9, ...lake2, ...lake16],
    };
    for (const [index, feed] of feeds.entries()) groups[`feed ${index}`] = feed.get('')!;
    for (const index of [1, 2])
      for (const [rule, tags] of Object.entries(RULES)) {
        const told = notes[index]!.filter((note) => note.kind === 'new-space' && note.rule === rule);
        expect(told.length).toBeLessThanOrEqual(1);
        for (const { text } of told)
          expect(text).toContain(`gains blocks that no service tag had on ${DATES[index - 1]}: `);
        const prefixes = told.flatMap(prefixesOf);
        // Proved below to be what Python makes of the whole feed, and twenty times as short.
        const before = spaces[index - 1]!.trimEnd().split('\n');
        groups[`told ${index} ${rule}`] = prefixes;
        groups[`told and before ${index} ${rule}`] = [...prefixes, ...before];
        groups[`rule and before ${index} ${rule}`] = [
          ...tags.flatMap((tag) => feeds[index]!.get(tag)!),
          ...before,
        ];
      }
    const python = collapseAddresses(groups);
    const size = (group: string) =>
      BigInt(python[group]!.ipv4.addresses) + BigInt(python[group]!.ipv6.addresses);
    for (const [index, text] of spaces.entries()) {
      const { ipv4, ipv6 } = python[`feed ${index}`]!;
      expect(text.split('\n')).toEqual([...ipv4.cover, ...ipv6.cover, '']);
    }
    // All that it gained and lost again, and nothing that it had before or has now.
    expect(python['lake told and rest']).toEqual(python['lake all']);
    expect(size('lake told') + size('lake rest')).toBe(size('lake all'));
    expect(size('lake told')).toBe(2490n);
    for (const index of [1, 2])
      for (const rule of Object.keys(RULES)) {
        expect(python[`told and before ${index} ${rule}`]).toEqual(
          python[`rule and before ${index} ${rule}`],
        );
        expect(size(`told ${index} ${rule}`) + size(`feed ${index - 1}`)).toBe(
          size(`rule and before ${index} ${rule}`),
        );
      }
    expect(size('told 1 cloud')).toBeGreaterThan(0n);
    expect(size('told 2 cloud')).toBeGreaterThan(0n);
    expect(size('told 1 lake'), 'what it gained was all in Azure already').toBe(0n);

    // The committed review, and the forms of a comparison of the two revisions, say it.
    const words = /loses\s+addresses\s+that\s+it\s+gained\s+only\s+on\s+2022-05-09/;
    const markdown = readFileSync(join(folder, OUT, 'REVIEW.md'), 'utf8');
    expect(markdown).toMatch(words);
    expect(markdown).toMatch(/Review required: .*rule lake loses addresses that it gained only on/);
    const revisions = ['HEAD~1:allowlists', 'HEAD:allowlists'];
    for (const format of ['text', 'markdown', 'json']) {
      const text = await command(['diff', ...revisions, '--format', format], join(folder, 'repository'));
      expect(text, format).toMatch(words);
      expect(text, format).toMatch(/gains\s+blocks\s+that\s+no\s+service\s+tag\s+had\s+on\s+2022-05-09/);
      expect(text, format).not.toContain('azure-space');
      if (format === 'json') {
        const kinds = new Set(['new-space', 'short-lived']);
        const own = (notes: readonly Noted[]) => notes.filter(({ kind }) => kinds.has(kind));
        expect(own(JSON.parse(text).notes)).toEqual(own(third));
      }
    }
    await command(['verify', OUT]);
    // The space of the feed is no rule file, and no change of the rule files counts it.
    expect(markdown).not.toContain('azure-space');
  });
});
