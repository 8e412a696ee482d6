import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { loadKnownFigures } from '../../src/feed/known-space.ts';
import { loadTables } from '../../src/products.ts';
import { type ReplayedWeek, type ReplayRequest, replay } from '../../src/replay/replay.ts';
import { guardTable } from '../../src/replay/report.ts';
import { weeklyFiles } from '../../src/replay/weekly-files.ts';
import { formatTable } from '../../src/text-table.ts';
import { feedsAvailable, feedsDirectory } from '../support/feeds.ts';

/** Replays the built-in configuration of a cloud, with more tags in its first rule, between two days. */
async function run(
  cloud: 'public' | 'usgov' | 'china',
  {
    tags = [],
    ownRule = false,
    from = '',
    to = '9',
    ...options
  }: Partial<ReplayRequest> & { tags?: string[]; ownRule?: boolean; from?: string; to?: string } = {},
): Promise<ReplayedWeek[]> {
  const config = await loadConfig(new URL(`../../data/replay/${cloud}.yaml`, import.meta.url).pathname);
  const [first, ...rest] = config.rules;
  const rules = ownRule
    ? [...config.rules, { ...rest[0]!, name: 'own', serviceTags: tags }]
    : [{ ...first!, serviceTags: [...first!.serviceTags, ...tags] }, ...rest];
  const { weeks } = await weeklyFiles(feedsDirectory + cloud, () => cloud);
  const done: ReplayedWeek[] = [];
  for await (const week of replay({
    config: { ...config, rules, targets: [] },
    tables: (await loadTables(config)).tables,
    knownFigures: await loadKnownFigures(config.feed.cloud),
    // What the targets make of it is proven elsewhere; here the guards are.
    targets: [],
    weeks: weeks.filter(({ date }) => date >= from && date <= to),
    accept: [],
    everyTag: false,
    measure: () => () => ({ milliseconds: 0, peakMemory: 0 }),
    ...options,
  }))
    done.push(week);
  return done;
}

const said = (weeks: readonly ReplayedWeek[]) =>
  weeks.flatMap(({ date, findings }) =>
    findings
      .filter(({ outcome }) => outcome !== 'passed' && outcome !== 'not judged')
      .map(({ guard, outcome }) => `${date} ${outcome} ${guard}`),
  );

describe.skipIf(!feedsAvailable)('the archive of real weeks', () => {
  test('has no week that the configuration of the connector refuses', { timeout: 300_000 }, async () => {
    // The largest weeks of growth that the archive has, and the first file after a hole of 399 days.
    const weeks = await run('public', { accept: ['2022-10-17:new-space', '2025-02-17:new-space'] });
    const { header, rows } = guardTable(weeks);
    process.stdout.write(`\nGuards by weeks\n${formatTable([header, ...rows])}\n`);
    expect(weeks.length).toBeGreaterThanOrEqual(60);
    expect(weeks.filter(({ outcome }) => outcome === 'refused' || outcome === 'unusable')).toEqual([]);
    expect(said(weeks)).toEqual([
      '2020-04-27 noted feed-rollback',
      '2020-08-27 noted feed-rollback',
      // IPv6 arrives.
      '2020-08-27 noted tag-precedent',
      '2022-10-17 accepted new-space',
      // Parts of a /24 where no tag had any, four times of AzureCloud and once of ServiceBus.
      '2022-10-24 noted tag-precedent',
      '2023-01-30 noted tag-precedent',
      '2025-02-17 accepted new-space',
      '2025-03-03 noted feed-rollback',
      // A week without a file: small ranges in nine different /16 too.
      '2025-03-03 noted tag-precedent',
      '2025-03-03 noted tag-precedent',
      '2025-07-07 noted tag-precedent',
      '2025-07-28 noted tag-precedent',
      // Single addresses of IPv6 outside AzureCloud; none asks for a look.
      '2025-07-28 noted cross-tag',
      '2025-07-28 noted cross-tag',
    ]);
    // The content changed under an unchanged changeNumber.
    expect(weeks.find(({ date }) => date === '2025-03-03')).toMatchObject({ outcome: 'changed' });
    expect(weeks.at(-1)).toMatchObject({ date: '2025-08-18', outcome: 'unchanged' });
  });

  test.each(['usgov', 'china'] as const)('has no week of %s that is refused', async (cloud) => {
    for (const everyTag of [false, true]) {
      const weeks = await run(cloud, { everyTag });
      expect(weeks.map(({ outcome }) => outcome)).not.toContain('refused');
      expect(weeks.map(({ outcome }) => outcome)).not.toContain('unusable');
    }
  });

  const wrongWeek = { tags: ['AzureDataLake'], from: '2022-05-02', to: '2022-05-23' };
  test.each([false, true])(
    'catches the wrong week of AzureDataLake (in a rule of its own: %s)',
    async (ownRule) => {
      const weeks = await run('public', { ...wrongWeek, ownRule });
      expect(weeks.map(({ outcome }) => outcome)).toEqual(['first', 'refused', 'changed', 'changed']);
      expect(said(weeks)).toEqual([
        '2022-05-09 refused tag-growth',
        // Single addresses, and of customers.
        '2022-05-09 noted tag-precedent',
        '2022-05-09 noted tag-precedent',
        '2022-05-16 noted tag-shrink',
      ]);
      expect(weeks[1]!.message).toContain(
        'the service tag AzureDataLake grows to 10.7 times its IPv4 space (257 → 2,749 addresses, 20 → 2,468 prefixes)',
      );
    },
  );

  test.each([false, true])(
    'catches its return had it been accepted (in a rule of its own: %s)',
    async (ownRule) => {
      const weeks = await run('public', { ...wrongWeek, ownRule, accept: ['tag-growth'] });
      expect(
        said(weeks)
          .filter((text) => !text.includes(' noted '))
          .slice(0, 2),
      ).toEqual(['2022-05-09 accepted tag-growth', '2022-05-16 refused tag-shrink']);
    },
  );

  test('refuses no other week for every service tag together', { timeout: 300_000 }, async () => {
    const weeks = await run('public', {
      everyTag: true,
      longestGap: 35,
      from: '2022-05-02',
      to: '2022-06-13',
    });
    expect(weeks.filter(({ outcome }) => outcome === 'refused').map(({ date }) => date)).toEqual([
      '2022-05-09',
    ]);
  });
});
