import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { addDays } from '../../src/feed/file-date.ts';
import { type JobResult, runJob } from '../../src/job.ts';
import { noteworthy } from '../../src/policy/diff/notes.ts';
import { deviceLine, plain } from '../../src/review/device-line.ts';
import { verdict } from '../../src/review/verdict.ts';
import { weeklyTag } from '../feed/weekly-file.ts';

const FIRST = '2026-01-05';
const NEVER = 'constraints: { never: [198.18.128.0/17] }';
const PARTS = ['WestEurope', 'EastUS', 'WestUS', 'UKSouth', 'JapanEast'];

describe('what constraints take out of a week', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'constraints-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function run(
    day: number,
    sql: readonly string[],
    constraints = '',
    targets = 'iptables: {}',
  ): Promise<JobResult> {
    const date = addDays(FIRST, day);
    const feed = join(directory, `ServiceTags_Public_${date.replaceAll('-', '')}.json`);
    const values = [
      weeklyTag('Sql', [...sql]),
      ...PARTS.map((part, index) =>
        weeklyTag(`Sql.${part}`, [index === 0 ? '198.18.128.0/17' : `198.18.${16 * index}.0/20`]),
      ),
      weeklyTag('Dns', ['203.0.113.8/32']),
    ];
    writeFileSync(feed, JSON.stringify({ changeNumber: 0, cloud: 'Public', values }));
    return runJob({
      config: parseConfig(
        `version: 1
rules:
  - { name: sql, serviceTags: [Sql], hosts: ['*.sql.example'], addresses: always, ports: [1433] }
targets: { ${targets} }
output: allowlists
guards: { special-use: { allow: [198.18.0.0/15, 203.0.113.0/24] } }
${constraints}`,
        join(directory, 'allowlist.yaml'),
      ),
      ...{ feed, dryRun: false, accept: [], offline: true, cacheDirectory: undefined, environment: {} },
      today: date,
      report: () => {},
    });
  }
  const line = ({ review }: JobResult) => plain(deviceLine(review.targets[0]!));
  const WHOLE = ['198.18.0.0/16'];

  it('the feed has not lost, and no guard says so: the note names the constraints', async () => {
    await run(0, WHOLE);
    const cut = await run(7, WHOLE, NEVER);
    expect(line(cut)).toBe('−32,768 IPv4 (sql)');
    const notes = noteworthy(cut.review.diff, cut.review.context);
    expect(notes.map(({ kind, text, detail }) => [kind, text, detail])).toEqual([
      ['constrained', 'loses addresses that the constraints leave out', '198.18.128.0/17'],
    ]);
    // What was never in force is no gain in the weeks that follow.
    const next = await run(14, WHOLE, NEVER);
    expect(next.findings.filter(({ outcome }) => outcome !== 'passed' && outcome !== 'not judged')).toEqual(
      [],
    );
    expect(next.outcome).toBe('unchanged');
  });

  it('comes back by the configuration, not by the feed, and asks for a look', async () => {
    await run(0, WHOLE, NEVER);
    // 32,768 addresses that the constraint let go of, and 16 that are the week's own.
    const { review, findings } = await run(7, [...WHOLE, '198.19.0.0/28']);
    expect(plain(deviceLine(review.targets[0]!))).toBe('+32,784 IPv4 (sql)');
    expect(
      noteworthy(review.diff, review.context).map(({ kind, text, detail }) => [kind, text, detail]),
    ).toEqual([
      ['released', 'gains addresses that the constraints left out until now', '198.18.128.0/17'],
      ['new-space', expect.stringContaining('gains blocks'), expect.stringMatching(/^198\.19\.0\.0\/28 \(/)],
      ['attribution', 'gains 16 IPv4', '198.19.0.0/28'],
    ]);
    expect(verdict(review)).toMatchObject({
      level: 'look',
      text: expect.stringContaining('rule sql gains addresses that the constraints left out until now'),
    });
    // The tag has grown by 16 addresses: no guard that compares weeks has anything to say.
    expect(findings.filter(({ guard }) => /^(tag-growth|tag-precedent|drift)$/.test(guard))).toEqual([
      expect.objectContaining({ outcome: 'passed' }),
      expect.objectContaining({ outcome: 'passed' }),
      expect.objectContaining({ outcome: 'passed' }),
    ]);
  });

  it('asks for a look however small it is, and is told in the tree that is written', async () => {
    const some = 'constraints: { never: [198.18.0.8/32] }';
    await run(0, WHOLE, some);
    const { review } = await run(0, WHOLE);
    expect(verdict(review)).toMatchObject({ level: 'look' });
    expect(plain(deviceLine(review.targets[0]!))).toBe('+1 IPv4 (sql)');
    const cut = await run(0, WHOLE, some);
    expect(verdict(cut.review)).toMatchObject({
      level: 'look',
      text: expect.stringContaining('rule sql loses addresses that the constraints leave out'),
    });
  });

  it('hides nothing that the feed itself loses', async () => {
    await run(0, WHOLE);
    await expect(run(7, ['198.18.0.0/18', '198.18.128.0/17'], NEVER)).rejects.toThrow(
      /region-lost: the service tag Sql loses .*Sql\.\w+ still has/,
    );
  });

  it('may be a whole tag: it is not said to be empty in the feed', async () => {
    const { findings } = await run(0, WHOLE, 'constraints: { never: [198.18.0.0/16] }', 'squid: {}');
    expect(findings.find(({ guard }) => guard === 'tag-empty')?.outcome).toBe('passed');
  });
});
