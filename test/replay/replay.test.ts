import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { loadTargets } from '../../src/job.ts';
import { ConfigurationError } from '../../src/problem.ts';
import { loadTables } from '../../src/products.ts';
import { replayDocument } from '../../src/replay/document.ts';
import { type ReplayedWeek, type ReplayRequest, replay } from '../../src/replay/replay.ts';
import { writeReplayMarkdown, writeReplayText } from '../../src/replay/report.ts';
import { weeklyFiles } from '../../src/replay/weekly-files.ts';
import { weeklyTag } from '../feed/weekly-file.ts';

const directory = await mkdtemp(join(tmpdir(), 'replay-'));
afterAll(() => rm(directory, { recursive: true, force: true }));

const config = parseConfig(
  `
version: 1
rules:
  - { name: sql, serviceTags: [Sql], ports: [443] }
targets:
  iptables: {}
guards:
  special-use: { allow: [198.18.0.0/15, 203.0.113.0/24] }
`,
  'allowlist.yaml',
);

/** Date, then tags; a text instead of tags is the file's content. */
const WEEKS: readonly [string, Record<string, readonly string[]> | string][] = [
  ['20260105', { Sql: ['198.18.0.0/24', '198.18.2.0/24'], Dns: ['203.0.113.7/32'] }],
  ['20260112', { Sql: ['198.18.0.0/24', '198.18.2.0/24', '198.18.4.0/24'], Dns: ['203.0.113.7/32'] }],
  ['20260119', { Sql: ['198.18.0.0/26'], Dns: ['203.0.113.7/32'] }],
  ['20260126', '<html>'],
  ['20260202', { Sql: ['198.18.0.0/24', '198.18.2.0/24', '198.18.4.0/24'], Dns: ['203.0.113.8/32'] }],
  ['20260309', { Sql: ['198.18.2.0/24', '198.18.4.0/24', '198.18.6.0/25'] }],
];
for (const [index, [date, tags]] of WEEKS.entries())
  await writeFile(
    join(directory, `ServiceTags_Public_${date}.json`),
    typeof tags === 'string'
      ? tags
      : JSON.stringify({
          changeNumber: index + 1,
          cloud: 'Public',
          values: Object.entries(tags).map(([name, prefixes]) => weeklyTag(name, [...prefixes])),
        }),
  );
await writeFile(join(directory, 'README.md'), 'no week');

async function run(options: Partial<ReplayRequest> = {}): Promise<ReplayedWeek[]> {
  const { weeks } = await weeklyFiles(directory, () => 'public');
  const done: ReplayedWeek[] = [];
  for await (const week of replay({
    config,
    tables: (await loadTables(config)).tables,
    targets: await loadTargets(config),
    weeks,
    accept: [],
    everyTag: false,
    measure: () => () => ({ milliseconds: 5, peakMemory: 7_000_000 }),
    ...options,
  }))
    done.push(week);
  return done;
}

const brief = (weeks: readonly ReplayedWeek[]) =>
  weeks.map(({ date, days, outcome, prefixes, gained, lost }) => [
    date,
    days,
    outcome,
    prefixes.added,
    prefixes.removed,
    Number(gained.ipv4.size),
    Number(lost.ipv4.size),
  ]);

describe('the weekly files of a directory', () => {
  test('come in the order of their dates, beside what is none', async () => {
    const { cloud, weeks, others } = await weeklyFiles(directory, ([first]) => {
      expect(first).toBe('ServiceTags_Public_20260105.json');
      return 'public';
    });
    expect(cloud).toBe('public');
    expect(weeks.map(({ date }) => date)).toEqual(
      WEEKS.map(([date]) => date.replace(/(....)(..)(..)/, '$1-$2-$3')),
    );
    expect(others).toEqual(['README.md']);
  });

  test('are missed where there are none', async () => {
    await expect(weeklyFiles(join(directory, 'none'), () => 'public')).rejects.toThrow(ConfigurationError);
    const empty = await mkdtemp(join(directory, 'empty-'));
    await expect(weeklyFiles(empty, () => 'public')).rejects.toThrow('has no weekly file');
    await rm(empty, { recursive: true });
  });
});

describe('a replay', () => {
  test('leaves in force what was published before a refused or unusable week', async () => {
    const weeks = await run();
    expect(brief(weeks)).toEqual([
      ['2026-01-05', undefined, 'first', 2, 0, 512, 0],
      ['2026-01-12', 7, 'changed', 1, 0, 256, 0],
      ['2026-01-19', 7, 'refused', 1, 3, 0, 704],
      ['2026-01-26', 14, 'unusable', 0, 0, 0, 0],
      ['2026-02-02', 21, 'unchanged', 0, 0, 0, 0],
      ['2026-03-09', 35, 'refused', 1, 1, 128, 256],
    ]);
    expect(weeks[2]!.message).toMatch(/^refused by feed-shrink, tag-shrink; the previous output stands\n/);
    expect(weeks[3]!.message).toMatch(/^the feed is not usable/);
  });

  test('counts the lines that changed against the fewest that must', async () => {
    const [first, second] = await run();
    expect(first!.churn).toBeUndefined();
    // One prefix comes; the digest and the count in the head of its file change with it.
    const [{ lines, ...rest } = expect.fail('no churn')] = second!.churn ?? [];
    expect(rest).toEqual({ id: 'iptables', files: 1, fewestLines: 1 });
    expect(lines.added - lines.removed).toBe(1);
    expect(lines.removed).toBeGreaterThan(0);
  });

  test('begins anew after a hole', async () => {
    expect(brief(await run({ longestGap: 34 })).at(-1)).toEqual([
      '2026-03-09',
      undefined,
      'first',
      3,
      0,
      640,
      0,
    ]);
    expect(brief(await run({ longestGap: 35 })).at(-1)?.[2]).toBe('refused');
  });

  test('accepts what it is told to, in every week', async () => {
    const weeks = await run({ accept: ['feed-shrink', 'tag-shrink'] });
    expect(weeks.map(({ outcome }) => outcome)).toEqual([
      'first',
      'changed',
      'changed',
      'unusable',
      'refused',
      'refused',
    ]);
    expect(weeks[4]!.message).toContain('tag-growth');
  });

  test('judges every tag in one rule, and drops one that vanished', async () => {
    const weeks = await run({ everyTag: true, accept: ['feed-shrink', 'tag-shrink'] });
    expect(weeks.map(({ churn }) => churn?.length ?? 0)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(brief(weeks)[0]).toEqual(['2026-01-05', undefined, 'first', 3, 0, 513, 0]);
    const last = weeks.at(-1)!.findings.filter(({ guard }) => guard === 'tag-missing');
    expect(last).toMatchObject([{ outcome: 'accepted', message: expect.stringContaining('Dns') }]);
  });

  test('counts the notes that the reviews would carry', async () => {
    const weeks = await run({ accept: ['feed-shrink', 'tag-shrink'] });
    expect(weeks.map(({ notes }) => notes.map(({ kind }) => kind))).toEqual([
      [],
      ['new-space', 'attribution'],
      ['short-lived', 'withdrawn', 'shrunk'],
      [],
      [],
      [],
    ]);
    const text = writeReplayText(weeks);
    expect(text).toMatch(/^Notes of the reviews\nnote +weeks +notes +asks for a look$/m);
    expect(text).toMatch(/^new-space +1 +1 +no$/m);
    expect(text).toMatch(/^short-lived +1 +1 +yes$/m);
    expect(replayDocument(weeks)).toMatchObject({
      weeks: [
        { notes: [] },
        {
          notes: [
            { kind: 'new-space', rule: 'sql', tag: '', addresses: { ipv4: '256' } },
            { kind: 'attribution', rule: 'sql', text: 'gains 256 IPv4' },
          ],
        },
        {
          notes: [
            { kind: 'short-lived', text: expect.stringMatching(/2026-01-12$/) },
            { kind: 'withdrawn' },
            { kind: 'shrunk' },
          ],
        },
        {},
        {},
        {},
      ],
    });
    // Nothing to count, no table.
    expect(writeReplayText(weeks.slice(0, 1))).not.toContain('Notes');
  });

  test('is reported as text, Markdown and JSON', async () => {
    const weeks = await run();
    const text = writeReplayText(weeks);
    expect(text).toContain('2026-01-19  refused ');
    expect(text).toContain(
      '2026-01-19 refused: tag-shrink: the service tag Sql loses 91.67 % of its IPv4 space',
    );
    expect(text).toContain('2026-01-26 the feed is not usable');
    expect(text).toMatch(/^2026-01-12 {5}7 {2}changed +\+1 +\+256 +±0 +\+\d+ −\d+ \(1\) {3}5 {8}7$/m);
    expect(text).toContain('6 weeks: 1 first, 1 changed, 1 unchanged, 2 refused, 1 unusable.');
    expect(text).toContain('A week takes 5 ms (median; the longest 5 ms) and 7 MB of memory at most.');
    expect(writeReplayMarkdown(weeks)).toMatch(/^\| iptables \| 1 \| \d+ \| 1 \| \d+\.00 \|$/m);
    expect(JSON.parse(JSON.stringify(replayDocument(weeks)))).toMatchObject({
      version: 1,
      weeks: [
        { days: null, churn: null },
        { gained: { ipv4: '256' }, peakMemory: 7_000_000 },
        {},
        {},
        {},
        {},
      ],
    });
  });
});
