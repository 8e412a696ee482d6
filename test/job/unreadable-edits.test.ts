import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { type JobResult, runJob } from '../../src/job.ts';
import { deviceLine, plain } from '../../src/review/device-line.ts';
import { differenceInWords, driftInWords } from '../../src/review/sections/drift.ts';
import { verdict } from '../../src/review/verdict.ts';
import { weeklyTag } from '../feed/weekly-file.ts';

const DATE = '2026-01-05';

describe('an edit that cannot be read', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'unreadable-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function run(dryRun = false): Promise<JobResult> {
    const feed = join(directory, `ServiceTags_Public_${DATE.replaceAll('-', '')}.json`);
    const values = [
      weeklyTag('Sql', ['198.18.0.0/24', '198.18.2.0/24', '2001:db8::/48']),
      weeklyTag('Dns', ['203.0.113.8/32', '198.18.128.0/17']),
    ];
    writeFileSync(feed, JSON.stringify({ changeNumber: 0, cloud: 'Public', values }));
    return runJob({
      config: parseConfig(
        `version: 1
rules:
  - { name: sql, serviceTags: [Sql], ports: [1433] }
targets: { squid: {}, iptables: {} }
output: allowlists
guards: { special-use: { allow: [198.18.0.0/15, 203.0.113.0/24, 2001:db8::/32] } }`,
        join(directory, 'allowlist.yaml'),
      ),
      ...{ feed, dryRun, accept: [], offline: true, cacheDirectory: undefined, environment: {} },
      today: DATE,
      report: () => {},
    });
  }
  const out = (path: string) => join(directory, 'allowlists', path);
  /** Rewrites the lines of a file; the places of what stands in them afterwards. */
  function edit(path: string, change: (lines: string[]) => string[]) {
    const lines = change(readFileSync(out(path), 'utf8').trimEnd().split('\n'));
    writeFileSync(out(path), `${lines.join('\n')}\n`);
    return (text: string) => `${path}:${lines.indexOf(text) + 1} (${JSON.stringify(text)})`;
  }
  const drift = async () => (await run(true)).review.drift;

  it('is told by file and line, with what the rest lets through and lacks, and asks for a look', async () => {
    await run();
    const at = edit('squid/sql-ipv4.txt', (lines) => [
      ...lines.map((line) => (line === '198.18.2.0/24' ? '198.18.2.0/24  ' : line)),
      '# ours, since spring',
      '9.9.9.9/32',
      'allow everything',
    ]);
    const { review } = await run(true);
    const [found] = review.drift;
    const difference = differenceInWords(found!);
    for (const text of ['198.18.2.0/24  ', '# ours, since spring', 'allow everything'])
      expect(difference).toContain(at(text));
    expect(difference).toMatch(
      /; the rest of it lets 9\.9\.9\.9\/32 \(port 1433\) through and lacks 198\.18\.2\.0\/24 \(port 1433\)$/,
    );
    expect(driftInWords(found!)).toMatch(/; the run writes it anew$/);
    // What the unread lines do is not known, and no figure of the target is told.
    const squid = review.targets.find(({ id }) => id === 'squid')!;
    expect(squid.effect).toBeUndefined();
    expect(plain(deviceLine(squid))).toMatch(
      /^not known: what is in force cannot be read \(.*sql-ipv4\.txt:\d+/,
    );
    expect(verdict(review)).toMatchObject({ level: 'look' });
    await run();
    expect(readFileSync(out('squid/sql-ipv4.txt'), 'utf8')).not.toMatch(/everything|ours|9\.9\.9\.9/);
  });

  it('claims nothing where too much cannot be read, or the rest makes no sense', async () => {
    await run();
    edit('squid/sql-ipv4.txt', (lines) => [
      ...lines,
      ...Array.from({ length: 30 }, (_, index) => `nonsense ${index}`),
    ]);
    const [many] = await drift();
    expect(many).toMatchObject({ target: 'squid', problem: expect.stringContaining('nonsense 0') });
    expect(many!.unread).toBeUndefined();
    expect([many!.lets.isEmpty, many!.lacks.isEmpty]).toEqual([true, true]);
    expect(differenceInWords(many!)).toMatch(/^squid cannot be read: /);
    await run();
    writeFileSync(out('iptables/azure.ipset'), 'nothing of a set\n');
    const [other] = await drift();
    expect(other!.lets.isEmpty && other!.lacks.isEmpty).toBe(true);
    expect(other!.problem).toBeDefined();
  });

  it('is told where what looks like a prefix is none', async () => {
    await run();
    const at = edit('squid/sql-ipv4.txt', (lines) => [...lines, '9.9.9.9/16']);
    const [found] = await drift();
    expect(differenceInWords(found!)).toContain(at('9.9.9.9/16'));
    expect(found!.lets.isEmpty).toBe(true);
  });

  it('is told of formats that are read as a whole as well', async () => {
    await run();
    const at = edit('iptables/azure.ipset', (lines) => [...lines, 'create of ours']);
    const [found] = await drift();
    expect(differenceInWords(found!)).toBe(
      `iptables cannot be read whole: ${at('create of ours')}; the rest of it lets through what it should`,
    );
  });
});
