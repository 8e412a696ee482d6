import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { type Baseline, baselineOf } from '../../src/committed/baseline.ts';
import { filesReader, readOutputTree } from '../../src/committed/output-tree.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ParsedFeed } from '../../src/feed/load.ts';
import { parseServiceTags } from '../../src/feed/parse.ts';
import { planRun, RunRefused } from '../../src/pipeline.ts';
import { FeedError } from '../../src/problem.ts';
import { loadTables } from '../../src/products.ts';
import { feedFile, feedFiles, feedsAvailable } from '../support/feeds.ts';

interface FeedDocument {
  changeNumber: number;
  values: { name: string; properties: { addressPrefixes: string[] } }[];
}

const texts = new Map<string, string>();

/** A weekly file as the job reads it, after something was done to it; `name` is what the job is told it is. */
function feedOf(
  path: string,
  change: (document: FeedDocument) => void = () => undefined,
  name = basename(path, '.gz'),
): ParsedFeed {
  const text = texts.get(path) ?? gunzipSync(readFileSync(path)).toString();
  texts.set(path, text);
  const document = JSON.parse(text) as FeedDocument;
  change(document);
  const snapshot = parseServiceTags(JSON.stringify(document), name, { cloud: 'public' });
  return {
    snapshot,
    source: { kind: 'file', name, fileDate: snapshot.fileDate, size: 0, sha256: '0'.repeat(64) },
  };
}

const [WEEK, NEXT] = ['20250714', '20250721'];
const BUILT_IN = new URL('../../data/replay/public.yaml', import.meta.url).pathname;
const TAGS = [
  'AzureCloud',
  'AzureActiveDirectory',
  'AzureResourceManager',
  'AzureFrontDoor.FirstParty',
  'ServiceBus',
  'Storage.WestEurope',
];

/** Two suffice for what does not depend on a tag's size. */
const TWO_TAGS = ['AzureCloud', 'ServiceBus'];

const edit = (tag: string, change: (prefixes: string[]) => string[]) => (document: FeedDocument) => {
  const { properties } = document.values.find(({ name }) => name === tag)!;
  properties.addressPrefixes = change(properties.addressPrefixes);
};

/** What is done to the file of 2025-07-21, and the guards that must refuse it. */
const FAULTS: readonly [string, () => ParsedFeed, readonly string[]][] = [
  ...TAGS.flatMap((tag): [string, () => ParsedFeed, string[]][] => [
    [
      `${tag}: first half dropped`,
      () =>
        feedOf(
          feedFile(NEXT),
          edit(tag, (all) => all.slice(Math.floor(all.length / 2))),
        ),
      ['tag-shrink'],
    ],
    [
      `${tag}: second half dropped`,
      () =>
        feedOf(
          feedFile(NEXT),
          edit(tag, (all) => all.slice(0, Math.floor(all.length / 2))),
        ),
      ['tag-shrink'],
    ],
    [
      `${tag}: every other prefix dropped`,
      () =>
        feedOf(
          feedFile(NEXT),
          edit(tag, (all) => all.filter((_, index) => index % 2 === 0)),
        ),
      ['tag-shrink'],
    ],
  ]),
  ...TWO_TAGS.flatMap((tag): [string, () => ParsedFeed, string[]][] => [
    [
      `${tag} emptied`,
      () =>
        feedOf(
          feedFile(NEXT),
          edit(tag, () => []),
        ),
      ['tag-empty'],
    ],
    [
      `${tag} gone`,
      () =>
        feedOf(feedFile(NEXT), (document) => {
          document.values = document.values.filter(({ name }) => name !== tag);
        }),
      ['tag-missing'],
    ],
    [
      `${tag}: 0.0.0.0/0 added`,
      () =>
        feedOf(
          feedFile(NEXT),
          edit(tag, (all) => [...all, '0.0.0.0/0']),
        ),
      ['special-use', 'too-broad'],
    ],
    [
      `${tag}: ::/0 added`,
      () =>
        feedOf(
          feedFile(NEXT),
          edit(tag, (all) => [...all, '::/0']),
        ),
      ['special-use', 'too-broad'],
    ],
    [
      `${tag}: 10.0.0.0/8 added`,
      () =>
        feedOf(
          feedFile(NEXT),
          edit(tag, (all) => [...all, '10.0.0.0/8']),
        ),
      ['special-use', 'too-broad'],
    ],
  ]),
  ...TAGS.filter((tag) => tag !== 'AzureCloud').map((tag): [string, () => ParsedFeed, string[]] => [
    `${tag}: the list of AzureCloud in its place`,
    () =>
      feedOf(feedFile(NEXT), (document) => {
        const cloud = document.values.find(({ name }) => name === 'AzureCloud')!;
        edit(tag, () => cloud.properties.addressPrefixes)(document);
      }),
    ['tag-growth'],
  ]),
  [
    'half of the file',
    () =>
      feedOf(feedFile(NEXT), (document) => {
        document.values.splice(0, Math.floor(document.values.length / 2));
      }),
    ['feed-shrink', 'tag-missing'],
  ],
  ['an old file', () => feedOf(feedFile('20250707')), ['feed-rollback']],
  [
    'an old file as …_Latest.json',
    () => feedOf(feedFile('20250310'), undefined, 'ServiceTags_Public_Latest.json'),
    ['feed-rollback'],
  ],
  [
    'an earlier edition of the file in force',
    () =>
      feedOf(
        feedFile(WEEK),
        (document) => {
          document.changeNumber -= 1;
          edit('AzureCloud', (all) => all.slice(1))(document);
        },
        `ServiceTags_Public_${WEEK}.json`,
      ),
    ['feed-rollback'],
  ],
];

describe.skipIf(!feedsAvailable)('a fault injected into a real week', async () => {
  const config = await loadConfig(BUILT_IN);
  const { tables } = await loadTables(config);
  const first = await baselineOf(undefined);
  const run = (feed: ParsedFeed, baseline: Baseline, accept: readonly string[] = []) =>
    planRun({ config, feed, tables, targets: [], baseline, accept, today: '2025-07-24' });
  const baseline = feedsAvailable
    ? await baselineOf(
        await readOutputTree(filesReader('baseline', run(feedOf(feedFile(WEEK)), first).files)),
      )
    : first;
  const table: string[] = [];
  afterAll(() => {
    process.stdout.write(`\n${table.length} faults injected into a real week\n${table.join('\n')}\n`);
  });

  test('the week itself passes', () => {
    expect(run(feedOf(feedFile(NEXT)), baseline).findings.every(({ outcome }) => outcome === 'passed')).toBe(
      true,
    );
  });

  test.each(FAULTS)('%s', (fault, feed, guards) => {
    let refused: unknown;
    try {
      run(feed(), baseline);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(RunRefused);
    const { findings, message, exitStatus } = refused as RunRefused;
    const refusing = new Set(
      findings.flatMap(({ guard, outcome }) => (outcome === 'refused' ? [guard] : [])),
    );
    table.push(`  ${fault.padEnd(70)} ${[...refusing].join(', ')}`);
    expect([...refusing]).toEqual(expect.arrayContaining([...guards]));
    for (const guard of guards) expect(message).toContain(`\n  ${guard}: `);
    expect(exitStatus).toBe(3);
  });

  test('a refusal that is accepted by name is recorded in lock and review', () => {
    const [, fault] = FAULTS.find(([name]) => name === 'ServiceBus: 10.0.0.0/8 added')!;
    const guards = ['tag-growth', 'cross-tag', 'drift', 'new-space', 'special-use', 'too-broad'];
    expect(() => run(fault(), baseline, guards.slice(1))).toThrow(RunRefused);
    const { files } = run(fault(), baseline, guards);
    const { acceptances } = JSON.parse(files.get('allowlist.lock.json')!) as {
      acceptances: { guard: string; message: string }[];
    };
    expect([...new Set(acceptances.map(({ guard }) => guard))]).toEqual(guards);
    for (const { message } of acceptances) expect(message).toMatch(/ServiceBus|10\.0\.0\.0/);
    for (const guard of guards) expect(files.get('REVIEW.md')).toContain(guard);
  });

  test('the file of another cloud is no feed of this one', () => {
    const [usgov = ''] = feedFiles('usgov');
    expect(() => feedOf(usgov)).toThrow(FeedError);
    expect(() => feedOf(usgov)).toThrow(/is the cloud usgov, but public .* was asked for/);
    table.push(`  ${'the file of another cloud'.padEnd(70)} feed-schema (exit status 4)`);
  });
});
