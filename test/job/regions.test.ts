import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyCommand } from '../../src/cli/verify.ts';
import { parseConfig } from '../../src/config/load.ts';
import { runJob } from '../../src/job.ts';
import type { ConfigurationError } from '../../src/problem.ts';
import { reviewDocument } from '../../src/review/json.ts';
import { weeklyTag } from '../feed/weekly-file.ts';
import { recordingIo } from '../support/recording-io.ts';

/** .0-.63 in West Europe, .64-.127 in Germany West Central, .128-.255 in no region. */
const WEEK = [
  weeklyTag('Storage', ['198.18.0.0/24', '2001:db8::/48']),
  weeklyTag('Storage.WestEurope', ['198.18.0.0/26', '2001:db8::/49'], 'westeurope'),
  weeklyTag('Storage.GermanyWestCentral', ['198.18.0.64/26'], 'germanywc'),
  weeklyTag('Sql', ['198.18.1.0/24']),
];

describe('a rule with regions', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'regions-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const said: string[] = [];
  async function run(rule: string, values: readonly object[] = WEEK, more = '') {
    const feed = join(directory, 'ServiceTags_Public_20260105.json');
    writeFileSync(feed, JSON.stringify({ changeNumber: 0, cloud: 'Public', values }));
    said.length = 0;
    const text = `version: 1
rules:
  - { name: storage, ports: [443], ${rule} }
targets: { iptables: {} }
guards: { special-use: { allow: [198.18.0.0/15, 2001:db8::/32] } }
${more}`;
    const result = await runJob({
      config: parseConfig(text, join(directory, 'allowlist.yaml')),
      ...{ feed, dryRun: false, accept: [], offline: true, cacheDirectory: undefined, environment: {} },
      today: '2026-01-05',
      report: (line) => said.push(line),
    });
    const lock = JSON.parse(readFileSync(join(directory, 'allowlists/allowlist.lock.json'), 'utf8'));
    return { feed, review: reviewDocument(result.review), lock, allowed: allowed(result.review.targets[0]!) };
  }
  const allowed = ({
    after,
  }: {
    after: { grants: readonly { addresses: { toStrings(): string[] } }[] } | undefined;
  }) => after!.grants.flatMap(({ addresses }) => addresses.toStrings());

  it('takes the regional tags, by the names that Azure gives regions', async () => {
    const { allowed, review } = await run('serviceTags: [Storage], regions: [germanywestcentral]');
    expect(allowed).toEqual(['198.18.0.64/26']);
    // What it does without is said by the run and in the review.
    const note =
      'rule storage takes Storage.GermanyWestCentral: 128 of the 256 IPv4 addresses of Storage belong to no region, and no regional tag has them: 198.18.0.128/25 2001:db8:0:8000::/49; Storage.Unassigned in serviceTags takes them';
    expect(said).toContain(`noted: regional-tag: ${note}`);
    expect(review.regionalTags).toEqual([note]);
    expect(readFileSync(join(directory, 'allowlists/REVIEW.md'), 'utf8')).toContain('belong to no region');
  });

  it('takes what belongs to no region as well, and the tree proves itself against the feed', async () => {
    const { feed, allowed, review, lock } = await run(
      'serviceTags: [Storage], regions: [westeurope], unassigned: true',
    );
    expect(allowed).toEqual(['198.18.0.0/26', '198.18.0.128/25', '2001:db8::/48']);
    expect(review.regionalTags).toEqual([]);
    // The tag that is made of others is none of the feed's.
    expect(lock.feed.totals).toMatchObject({ tags: 4, prefixes: 6 });
    expect(Object.keys(lock.files)).toContain('snapshot/Storage.Unassigned.txt');
    const { io, said: out } = recordingIo({});
    await verifyCommand(join(directory, 'allowlists'), { feed }, io);
    expect(out.out).toContain('made from this feed');
  });

  it('finds an address in it that the feed has in a region', async () => {
    await run('serviceTags: [Storage.WestEurope, Storage.Unassigned]');
    const moved = join(directory, 'ServiceTags_Public_20260106.json');
    const values = WEEK.map((tag) =>
      tag.name === 'Storage.GermanyWestCentral'
        ? weeklyTag(tag.name, ['198.18.0.64/26', '198.18.0.128/26'], 'germanywc')
        : tag,
    );
    writeFileSync(moved, JSON.stringify({ changeNumber: 1, cloud: 'Public', values }));
    const { io } = recordingIo({});
    await expect(verifyCommand(join(directory, 'allowlists'), { feed: moved }, io)).rejects.toMatchObject({
      problems: [
        {
          where: 'snapshot/Storage.Unassigned.txt',
          what: 'has 198.18.0.128/26, which Storage.Unassigned does not have in the feed',
        },
      ],
    });
  });

  it('leaves out of it what the constraints forbid', async () => {
    const { allowed } = await run(
      'serviceTags: [Storage], regions: [westeurope], unassigned: true',
      WEEK,
      'constraints: { never: [198.18.0.128/26, 198.18.0.0/27] }',
    );
    expect(allowed).toEqual(['198.18.0.32/27', '198.18.0.192/26', '2001:db8::/48']);
  });

  it('reads the tags that it is made from strictly', async () => {
    const spoilt = WEEK.map((tag) =>
      tag.name === 'Storage.GermanyWestCentral' ? weeklyTag(tag.name, ['198.18.0.64/33'], 'germanywc') : tag,
    );
    await expect(run('serviceTags: [Storage.Unassigned]', spoilt)).rejects.toThrow();
  });

  it.each([
    ['regions: [westeurope], serviceTags: [Storage, Sql]', /the feed has no service tag Sql\.westeurope/],
    [
      'regions: [westeurpe], serviceTags: [Storage]',
      /rules\[0\]\.regions\[0\].*the feed has no region "westeurpe".*westeurope/s,
    ],
    [
      'regions: [West Europe], serviceTags: [Storage]',
      /"West Europe" is not how Azure names a region.*did you mean westeurope/s,
    ],
    [
      'regions: [germanywc], serviceTags: [Storage]',
      /"germanywc" is not how Azure.*did you mean germanywestcentral/s,
    ],
    ['regions: [westeurope, westeurope], serviceTags: [Storage]', /westeurope is given twice/],
    [
      'regions: [westeurope], serviceTags: [Storage.WestEurope]',
      /Storage\.WestEurope is a part of a service already.*Storage/s,
    ],
    ['regions: [westeurope], prefixes: [198.18.0.0/24]', /needs service tags to take from/],
    [
      'unassigned: true, serviceTags: [Storage]',
      /means something beside `regions` alone.*Storage\.Unassigned/s,
    ],
    ['serviceTags: [Sql.Unassigned]', /the feed has no service tag Sql\.Unassigned/],
  ])('refuses %s', async (rule, says) => {
    const error = await run(rule).catch((thrown: unknown) => thrown as ConfigurationError);
    const text = [
      (error as Error).message,
      ...((error as ConfigurationError).problems ?? []).map(
        ({ where, what, next }) => `${where}: ${what} — ${next}`,
      ),
    ].join('\n');
    expect(text).toMatch(says);
  });
});
