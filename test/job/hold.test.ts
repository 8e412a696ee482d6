import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { directoryReader, readOutputTree } from '../../src/committed/output-tree.ts';
import { verifyTree } from '../../src/committed/verify.ts';
import { parseConfig } from '../../src/config/load.ts';
import { addDays } from '../../src/feed/file-date.ts';
import { type JobResult, runJob } from '../../src/job.ts';
import { deviceLine, plain } from '../../src/review/device-line.ts';
import { weeklyTag } from '../feed/weekly-file.ts';

const FIRST = '2026-01-05';
const later = (days: number) => addDays(FIRST, days);
const guards = `guards:
  special-use: { allow: [198.18.0.0/15, 203.0.113.0/24, 2001:db8::/32] }
  tag-shrink: { percent: 100, ipv6Percent: 100 }
  tag-growth: { percent: 100 }
  feed-shrink: { percent: 100, prefixPercent: 100 }
`;
const configuration = (changes: Readonly<Record<string, string>> = {}) => {
  const { hold = 'hold: 14d', rule = '', targets = 'iptables: {}', more = '' } = changes;
  return `version: 1
rules:
  - { name: sql, serviceTags: [Sql], ports: [1433]${rule} }
targets: { ${targets} }
output: allowlists
${hold}
${more}
${guards}`;
};

describe('removals that wait', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'hold-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function run(
    day: number,
    prefixes: readonly string[],
    config = configuration(),
    accept: string[] = [],
  ): Promise<JobResult> {
    const date = later(day);
    const feed = join(directory, `ServiceTags_Public_${date.replaceAll('-', '')}.json`);
    const values = [
      weeklyTag('Sql', [...prefixes]),
      weeklyTag('Dns', ['203.0.113.8/32', '198.18.128.0/17', '2001:db8:ff::/48']),
    ];
    writeFileSync(feed, JSON.stringify({ changeNumber: 0, cloud: 'Public', values }));
    return runJob({
      config: parseConfig(config, join(directory, 'allowlist.yaml')),
      feed,
      dryRun: false,
      accept,
      offline: true,
      cacheDirectory: undefined,
      environment: {},
      today: date,
      report: () => {},
    });
  }
  const line = ({ review }: JobResult, id = 'iptables') =>
    plain(deviceLine(review.targets.find((target) => target.id === id)!));
  const lets = ({ review }: JobResult, id = 'iptables') =>
    review.targets
      .find((target) => target.id === id)!
      .after!.grants.flatMap(({ addresses, ports }) => [...addresses.toStrings(), `on ${ports}`]);
  const lock = () => JSON.parse(readFileSync(join(directory, 'allowlists/allowlist.lock.json'), 'utf8'));
  const held = () =>
    (lock().policy.rules[0].held ?? []).map(
      ({ tag, until, prefixes }: { tag: string; until: string; prefixes: string[] }) =>
        [tag, until, ...prefixes].join(' '),
    );
  const problems = async () =>
    (await verifyTree((await readOutputTree(directoryReader(join(directory, 'allowlists'))))!)).problems;

  it('keep what a tag has lost as a declared widening until the date, and then let go of it', async () => {
    await run(0, ['198.18.0.0/23', '2001:db8::/47']);
    const lost = await run(7, ['198.18.0.0/24', '2001:db8::/48']);
    expect(line(lost)).toBe(
      'rule sql holds 256 IPv4 addresses and 65,536 IPv6 /64 networks that no tag of it has any more',
    );
    expect(lets(lost)).toEqual(['198.18.0.0/23', '2001:db8::/47', 'on 1433']);
    expect(lost.review.targets[0]!.widenings).toMatchObject([
      { kind: 'hold', reason: `no longer published, and let through until ${later(21)} all the same` },
    ]);
    expect(held()).toEqual([`Sql ${later(21)} 198.18.1.0/24 2001:db8:1::/48`]);
    expect(readFileSync(join(directory, 'allowlists/iptables/azure.ipset'), 'utf8')).toMatch(
      /ALSO ALLOWS \(rule sql; no longer published, and let through until 2026-01-26 all[\s\S]*198\.18\.1\.0\/24/,
    );
    expect(await problems()).toEqual([]);

    // The same week again, and one day before the date: nothing changes but what the feed changes.
    expect((await run(7, ['198.18.0.0/24', '2001:db8::/48'])).change.written).toEqual([]);
    const before = await run(20, ['198.18.0.0/24', '2001:db8::/48']);
    expect([before.change.written, lets(before)]).toEqual([
      [],
      ['198.18.0.0/23', '2001:db8::/47', 'on 1433'],
    ]);
    const ended = await run(21, ['198.18.0.0/24', '2001:db8::/48']);
    expect(line(ended)).toBe(
      '−256 IPv4, −65,536 /64 (sql); rule sql holds 256 IPv4 addresses and 65,536 IPv6 /64 networks no longer',
    );
    expect([lets(ended), held(), await problems()]).toEqual([
      ['198.18.0.0/24', '2001:db8::/48', 'on 1433'],
      [],
      [],
    ]);
  });

  it('hold two weeks of losses each to its own date, and nothing that has come back', async () => {
    await run(0, ['198.18.0.0/22']);
    await run(7, ['198.18.0.0/23']);
    await run(14, ['198.18.0.0/24']);
    expect(held()).toEqual([`Sql ${later(21)} 198.18.2.0/23`, `Sql ${later(28)} 198.18.1.0/24`]);
    const back = await run(15, ['198.18.0.0/24', '198.18.2.0/24']);
    expect(held()).toEqual([`Sql ${later(21)} 198.18.3.0/24`, `Sql ${later(28)} 198.18.1.0/24`]);
    expect(lets(back)).toEqual(['198.18.0.0/22', 'on 1433']);
    await run(21, ['198.18.0.0/24', '198.18.2.0/24']);
    expect(held()).toEqual([`Sql ${later(28)} 198.18.1.0/24`]);
    expect(await problems()).toEqual([]);
  });

  it('hold nothing that the configuration takes away, and nothing that may never be let through', async () => {
    const two = configuration({ rule: '' }).replace('[Sql]', '[Sql, Dns]');
    await run(0, ['198.18.0.0/22'], two);
    await run(7, ['198.18.0.0/23'], two);
    expect(held()).toEqual([`Sql ${later(21)} 198.18.2.0/23`]);
    // A tag that is no longer selected goes at once, what a constraint forbids too, and so does all without the key.
    const narrowed = await run(8, ['198.18.0.0/23']);
    expect([lets(narrowed), held()]).toEqual([
      ['198.18.0.0/22', 'on 1433'],
      [`Sql ${later(21)} 198.18.2.0/23`],
    ]);
    await run(9, ['198.18.0.0/23'], configuration({ more: 'constraints: { never: [198.18.3.0/24] }' }));
    expect(held()).toEqual([`Sql ${later(21)} 198.18.2.0/24`]);
    await run(10, ['198.18.0.0/23'], configuration({ hold: 'hold: 2d' }));
    expect(held()).toEqual([`Sql ${later(12)} 198.18.2.0/24`]);
    const without = await run(11, ['198.18.0.0/23'], configuration({ hold: '' }));
    expect([lets(without), held()]).toEqual([['198.18.0.0/23', 'on 1433'], []]);
    expect(await problems()).toEqual([]);
  });

  it('never hold special-use space that no allowance names', async () => {
    const allowed = configuration();
    await run(0, ['198.18.0.0/23', '203.0.113.64/26'], allowed);
    const narrower = allowed.replace('198.18.0.0/15, 203.0.113.0/24', '198.18.0.0/15, 203.0.113.0/27');
    await run(7, ['198.18.0.0/24'], narrower);
    expect(held()).toEqual([`Sql ${later(21)} 198.18.1.0/24`]);
  });

  it('are declared by each target as far as it lets them through, and are no part of one that uses names', async () => {
    const rule = ', hosts: [sql.example.net], addresses: fallback';
    const both = configuration({ rule, targets: 'squid: {}, iptables: {}, nginx: {}' });
    await run(0, ['198.18.0.0/23'], both);
    const lost = await run(7, ['198.18.0.0/24'], both);
    expect([line(lost, 'squid'), lets(lost, 'iptables')]).toEqual([
      'no change',
      ['198.18.0.0/23', 'on 1433'],
    ]);
    const { widenings } = lost.review.targets.find(({ id }) => id === 'nginx')!;
    expect(widenings.map(({ kind }) => kind).sort()).toEqual(['hold', 'ports']);
    expect(await problems()).toEqual([]);
    // Names only: the tag is in no rule file, and neither is what it loses.
    const names = configuration({ rule, targets: 'squid: {}' });
    await run(8, ['198.18.0.0/25'], names);
    expect(held()).toEqual([]);
  });

  it('do not commit a loss that no device sees', async () => {
    const names = configuration({ rule: ', hosts: [sql.example.net]', targets: 'squid: {}' });
    await run(0, ['198.18.0.0/23'], names);
    expect((await run(7, ['198.18.0.0/24'], names)).change.written).toEqual([]);
  });

  it.each(['14', '0d', '2w', '100d'])('refuse `hold: %s`', (hold) => {
    expect(() => parseConfig(configuration({ hold: `hold: ${hold}` }), 'allowlist.yaml')).toThrow(
      /hold[\s\S]*a number of days such as 14d/,
    );
  });
});
