import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diffCommand } from '../../src/cli/diff.ts';
import type { Io } from '../../src/cli/io.ts';
import { directoryReader, fileDigest, readOutputTree } from '../../src/committed/output-tree.ts';
import { verifyTree } from '../../src/committed/verify.ts';
import { parseConfig } from '../../src/config/load.ts';
import { addDays } from '../../src/feed/file-date.ts';
import { type JobResult, runJob } from '../../src/job.ts';
import { noteworthy } from '../../src/policy/diff/notes.ts';
import { RECENT_WEEKS } from '../../src/policy/diff/recent-gains.ts';
import { writeHtml } from '../../src/review/html/write-html.ts';
import { reviewDocument } from '../../src/review/json.ts';
import { weeklyTag } from '../feed/weekly-file.ts';
import { readTree, stamps, writeTree } from '../publish/trees.ts';

const CONFIG = `
version: 1
rules:
  - { name: sql, serviceTags: [Sql], ports: [443] }
targets:
  iptables: {}
output: allowlists
guards:
  special-use: { allow: [198.18.0.0/15, 203.0.113.0/24, 2001:db8::/32] }
  tag-shrink: { percent: 100, ipv6Percent: 100 }
  tag-growth: { percent: 100 }
  feed-shrink: { percent: 100, prefixPercent: 100 }
`;
const SPACE = 'azure-space.txt';
const EARLIER = 'azure-space-earlier.txt';
const LOCK = 'allowlist.lock.json';
const FIRST = '2026-01-05';
const later = (weeks: number) => addDays(FIRST, 7 * weeks);

type Tags = Readonly<Record<string, readonly string[]>>;
/** What is not selected, and lies in no order. */
const DNS: Tags = { Dns: ['203.0.113.9/32', '203.0.113.8/32', '2001:db8:1::/48'] };

describe('what the output tree remembers for the next review', () => {
  let directory: string;
  let out: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'remembered-'));
    out = join(directory, 'allowlists');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  interface Options {
    readonly config?: string;
    readonly dryRun?: boolean;
  }

  /** Runs the job on a week as it is written here. @param date YYYY-MM-DD; undefined for a file without one */
  function run(date: string | undefined, tags: Tags, { config = CONFIG, dryRun = false }: Options = {}) {
    const name = date === undefined ? 'Latest' : date.replaceAll('-', '');
    const feed = join(directory, `ServiceTags_Public_${name}.json`);
    const values = Object.entries(tags).map(([tag, prefixes]) => weeklyTag(tag, [...prefixes]));
    writeFileSync(feed, JSON.stringify({ changeNumber: 0, cloud: 'Public', values }));
    return runJob({
      config: parseConfig(config, join(directory, 'allowlist.yaml')),
      feed,
      dryRun,
      accept: [],
      offline: true,
      cacheDirectory: undefined,
      environment: {},
      today: date ?? later(0),
      report: () => {},
    });
  }

  const notes = ({ review }: JobResult) =>
    noteworthy(review.diff, review.context)
      .filter(({ kind }) => kind === 'new-space' || kind === 'short-lived')
      .map(({ kind, rule, tag, text, detail, addresses }) =>
        [
          kind,
          rule,
          tag,
          detail === undefined ? text : `${text}: ${detail}`,
          addresses?.toStrings().join(' '),
        ].join(' | '),
      );
  const read = (path: string) => readFileSync(join(out, path), 'utf8');
  const gains = () =>
    (JSON.parse(read(LOCK)).recentGains ?? []).map(
      ({ rule, fileDate, prefixes }: { rule: string; fileDate: string; prefixes: string[] }) =>
        [rule, fileDate, ...prefixes].join(' '),
    );
  const outside = (text: string, on: string) =>
    expect.stringMatching(
      new RegExp(
        `^new-space [|] sql [|]  [|] gains blocks that no service tag had ${on === '' ? 'before' : `on ${on}`}: .* [|] ${text}$`,
      ),
    );
  const shortLived = (text: string, ...on: string[]) =>
    `short-lived | sql |  | loses addresses that it gained only on ${on.join(', ')} | ${text}`;

  it('is the whole feed as an exact cover, and on a first run no gain', async () => {
    const first = await run(FIRST, { Sql: ['198.18.1.0/24', '198.18.0.0/24'], ...DNS });
    expect(first.change.written).toContain(SPACE);
    expect(read(SPACE)).toBe('198.18.0.0/23\n203.0.113.8/31\n2001:db8:1::/48\n');
    expect(read(LOCK)).not.toContain('recentGains');
    expect(notes(first)).toEqual([]);
    const lock = JSON.parse(read(LOCK));
    expect(lock.files[SPACE]).toBe(fileDigest(read(SPACE)));
    const tree = await readOutputTree(directoryReader(out));
    expect((await verifyTree(tree!)).problems).toEqual([]);
  });

  it('tells apart what is new to the rule and what is new to Azure', async () => {
    await run(FIRST, { Sql: ['198.18.0.0/24'], ...DNS });
    const next = {
      ...DNS,
      Sql: ['198.18.0.0/24', '203.0.113.8/32', '198.18.7.0/24', '2001:db8::/47'],
    };
    const dry = await run(later(1), next, { dryRun: true });
    const told = [outside('198.18.7.0/24 2001:db8::/48', FIRST)];
    expect(notes(dry)).toEqual(told);
    expect(notes(await run(later(1), next))).toEqual(told);
    expect(gains()).toEqual([`sql ${later(1)} 198.18.7.0/24 203.0.113.8/32 2001:db8::/47`]);
    expect(read('REVIEW.md')).toContain(`gains blocks that no service tag had on ${FIRST}`);
    // The review does not count a file that is no rule file.
    expect(dry.review.targets.map(({ id }) => id)).toEqual(['iptables']);
    expect(JSON.stringify(reviewDocument(dry.review))).not.toContain(SPACE);
  });

  it('changes no byte in a week that changes only other tags, and then still knows the feed of its own week', async () => {
    await run(FIRST, { Sql: ['198.18.0.0/24'], ...DNS });
    await run(later(1), { Sql: ['198.18.0.0/24', '198.18.1.0/24'], ...DNS });
    const before = [readTree(out), stamps(out)];
    const others = { Dns: ['203.0.113.0/24'], Other: ['198.18.9.0/24'] };
    for (const week of [2, 3, RECENT_WEEKS + 2]) {
      const quiet = await run(later(week), { Sql: ['198.18.0.0/24', '198.18.1.0/24'], ...others });
      expect([quiet.outcome, quiet.change.written, quiet.change.removed]).toEqual(['unchanged', [], []]);
      expect([readTree(out), stamps(out)]).toEqual(before);
    }
    const next = await run(later(RECENT_WEEKS + 3), { Sql: ['198.18.0.0/24', '198.18.9.0/24'], ...others });
    // What was gained that long ago is not recent any more, and is forgotten with the change.
    expect(notes(next)).toEqual([outside('198.18.9.0/24', later(1))]);
    expect(gains()).toEqual([`sql ${later(RECENT_WEEKS + 3)} 198.18.9.0/24`]);
  });

  it('notes once what goes within weeks of its coming', async () => {
    const [a, b, c] = ['198.18.0.0/24', '198.18.4.0/24', '198.18.6.0/24'];
    await run(FIRST, { Sql: [a], ...DNS });
    await run(later(1), { Sql: [a, b], ...DNS });
    await run(later(3), { Sql: [a, b, c], ...DNS });
    expect(gains()).toEqual([`sql ${later(1)} ${b}`, `sql ${later(3)} ${c}`]);
    const part = await run(later(4), { Sql: [a, '198.18.4.0/25'], ...DNS });
    const told = shortLived('198.18.4.128/25 198.18.6.0/24', later(1), later(3));
    expect(notes(part)).toEqual([told]);
    expect(reviewDocument(part.review).summary.verdict).toMatchObject({
      level: 'look',
      text: expect.stringContaining('rule sql loses addresses that it gained only on'),
    });
    expect(gains()).toEqual([`sql ${later(1)} 198.18.4.0/25`]);
    expect(notes(await run(later(4), { Sql: [a, '198.18.4.0/25'], ...DNS }))).toEqual([]);
    const rest = await run(later(1 + RECENT_WEEKS), { Sql: [a], ...DNS });
    expect(notes(rest)).toEqual([shortLived('198.18.4.0/25', later(1))]);
    expect(read(LOCK)).not.toContain('recentGains');
  });

  it('does not call short-lived what the configuration selected a week ago', async () => {
    const tags = { Sql: ['198.18.0.0/24'], ...DNS };
    const both = CONFIG.replace('[Sql]', '[Sql, Dns]');
    await run(FIRST, tags);
    expect(notes(await run(later(1), tags, { config: both }))).toEqual([]);
    expect(gains()).toEqual([]);
    const smaller = { ...tags, Dns: ['203.0.113.8/32'] };
    expect(notes(await run(later(2), smaller, { config: both }))).toEqual([]);
  });

  it('knows what an earlier feed had when it comes back, and not what was refused or cut out', async () => {
    const [a, b, c, d] = ['198.18.0.0/24', '198.18.4.0/24', '198.18.6.0/24', '198.18.8.0/24'];
    await run(FIRST, { Sql: [a], Dns: [b, '203.0.113.8/31'] });
    expect(existsSync(join(out, EARLIER))).toBe(false);
    await run(later(1), { Sql: [a, c], Dns: ['203.0.113.8/31'] });
    expect(read(EARLIER)).toBe(`${b}\n`);
    expect(read(SPACE)).not.toContain(b);
    expect(JSON.parse(read(LOCK)).files[EARLIER]).toBe(fileDigest(read(EARLIER)));
    // A refused week leaves nothing behind, and what the constraints cut out of a rule's tag was in no feed.
    const strict = CONFIG.replace('tag-growth: { percent: 100 }', 'tag-growth: { factor: 2, percent: 100 }');
    const growing = { Sql: [a, c, d, '203.0.112.0/24', '198.18.12.0/24', '198.18.14.0/24'] };
    const refusal = run(later(2), growing, { config: strict });
    await expect(refusal).rejects.toThrow(/refused by .*tag-growth/);
    const within = `${CONFIG}constraints: { within: [198.18.0.0/21, 203.0.113.0/24] }\n`;
    await run(later(3), { Sql: [a, c, d], Dns: ['203.0.113.8/32'] }, { config: within });
    expect(read(EARLIER)).toBe(`${b}\n203.0.113.9/32\n`);
    const back = await run(later(4), { Sql: [a, b, c, d], Dns: ['203.0.113.8/31'] });
    expect(notes(back)).toEqual([outside(d, later(3))]);
    expect(existsSync(join(out, EARLIER))).toBe(false);
    expect(back.change.removed).toEqual([EARLIER]);
    expect((await verifyTree((await readOutputTree(directoryReader(out)))!)).problems).toEqual([]);
  });

  it('does not trust an edited file of earlier space, and runs on where a tree has none', async () => {
    await run(FIRST, { Sql: ['198.18.0.0/24'], ...DNS });
    await run(later(1), { Sql: ['198.18.0.0/24', '198.18.4.0/24'], Dns: ['203.0.113.8/32'] });
    const text = read(EARLIER);
    writeFileSync(join(out, EARLIER), `198.18.200.0/24\n${text}`);
    const next = { Sql: ['198.18.0.0/24', '198.18.200.0/24'] };
    await expect(run(later(2), next)).rejects.toThrow(/azure-space-earlier\.txt was edited after/);
    const { problems } = await verifyTree((await readOutputTree(directoryReader(out)))!);
    expect(problems.map(({ where }) => where)).toEqual([EARLIER]);
    rmSync(join(out, EARLIER));
    const lock = JSON.parse(read(LOCK));
    delete lock.files[EARLIER];
    delete lock.digest;
    writeFileSync(join(out, LOCK), `${JSON.stringify(lock, null, 2)}\n`);
    const old = await run(later(2), next);
    expect(notes(old)).toContainEqual(outside('198.18.200.0/24', later(1)));
  });

  it('judges nothing by a feed without a date', async () => {
    await run(FIRST, { Sql: ['198.18.0.0/24'], ...DNS });
    await run(later(1), { Sql: ['198.18.0.0/24', '198.18.4.0/24'], ...DNS });
    const undated = await run(undefined, { Sql: ['198.18.0.0/24', '198.18.6.0/24'], ...DNS });
    expect(notes(undated)).toEqual([outside('198.18.6.0/24', later(1))]);
    expect(gains()).toEqual([]);
    const next = await run(later(2), { Sql: ['198.18.0.0/24', '198.18.8.0/24'], ...DNS });
    expect(notes(next)).toEqual([outside('198.18.8.0/24', '')]);
  });

  it('comes to a tree of an earlier version with its next change', async () => {
    await run(FIRST, { Sql: ['198.18.0.0/24'], ...DNS });
    const lock = JSON.parse(read(LOCK));
    delete lock.files[SPACE];
    delete lock.digest;
    writeFileSync(join(out, LOCK), `${JSON.stringify(lock, null, 2)}\n`);
    rmSync(join(out, SPACE));
    const before = readTree(out);
    const same = await run(later(1), { Sql: ['198.18.0.0/24'], ...DNS });
    expect(same.outcome).toBe('unchanged');
    expect(readTree(out)).toEqual(before);
    const next = await run(later(2), { Sql: ['198.18.0.0/24', '198.18.4.0/24'], ...DNS });
    expect(notes(next)).toEqual([]);
    expect(read(SPACE)).toBe('198.18.0.0/24\n198.18.4.0/24\n203.0.113.8/31\n2001:db8:1::/48\n');
    expect(gains()).toEqual([`sql ${later(2)} 198.18.4.0/24`]);
  });

  it.each<[string, (text: string) => string | undefined, RegExp]>([
    ['is missing', () => undefined, /azure-space\.txt is missing, but the lock names it; restore it/],
    [
      'was edited',
      (text) => `${text}198.18.200.0/24\n`,
      /azure-space\.txt was edited after it was generated/,
    ],
  ])('is not trusted where it %s: run, dry run and verify say so', async (_, spoil, says) => {
    await run(FIRST, { Sql: ['198.18.0.0/24'], ...DNS });
    const spoilt = spoil(read(SPACE));
    if (spoilt === undefined) rmSync(join(out, SPACE));
    else writeFileSync(join(out, SPACE), spoilt);
    const before = readTree(out);
    for (const dryRun of [true, false])
      await expect(run(later(1), { Sql: ['198.18.4.0/24'], ...DNS }, { dryRun })).rejects.toThrow(says);
    expect(readTree(out)).toEqual(before);
    const { problems } = await verifyTree((await readOutputTree(directoryReader(out)))!);
    expect(problems).toEqual([{ where: SPACE, what: expect.stringMatching(says) }]);
    expect(problems[0]!.what).toContain('restore it from the repository');
  });

  it.each<[string, string, RegExp]>([
    ['a line that is no prefix', '198.18.0.0/24\n203.0.113.8\n', /azure-space\.txt: line 2: .*prefix/],
    ['an order that is none', '203.0.113.8/31\n198.18.0.0/24\n', /azure-space\.txt is not an exact cover/],
    ['prefixes that could be fewer', '198.18.0.0/25\n198.18.0.128/25\n', /is not an exact cover/],
    ['lines of another system', '198.18.0.0/24\r\n', /is not an exact cover/],
  ])('is not read with %s, even where the lock agrees', async (_, text, says) => {
    await run(FIRST, { Sql: ['198.18.0.0/24'], ...DNS });
    writeFileSync(join(out, SPACE), text);
    writeFileSync(
      join(out, LOCK),
      read(LOCK).replace(/("azure-space\.txt": ")[^"]*/, `$1${fileDigest(text)}`),
    );
    await expect(run(later(1), { Sql: ['198.18.4.0/24'], ...DNS })).rejects.toThrow(says);
  });

  it.each<[string, object, RegExp]>([
    [
      'a prefix that is none',
      { rule: 'sql', fileDate: FIRST, prefixes: ['198.18.0.1/24'] },
      /recentGains\[0\]: /,
    ],
    ['a date that is none', { rule: 'sql', fileDate: '2026-02-30', prefixes: [] }, /is not a lock that/],
  ])('is not read from a lock with %s', async (_, gain, says) => {
    await run(FIRST, { Sql: ['198.18.0.0/24'], ...DNS });
    writeFileSync(join(out, LOCK), JSON.stringify({ ...JSON.parse(read(LOCK)), recentGains: [gain] }));
    await expect(run(later(1), { Sql: ['198.18.4.0/24'], ...DNS })).rejects.toThrow(says);
    await expect(run(later(1), { Sql: ['198.18.4.0/24'], ...DNS })).rejects.toThrow('restore it');
  });

  it('serves diff over two trees as well, and the page', async () => {
    await run(FIRST, { Sql: ['198.18.0.0/24'], ...DNS });
    await run(later(1), { Sql: ['198.18.0.0/24', '198.18.4.0/24'], ...DNS });
    const old = join(directory, 'old');
    mkdirSync(old);
    writeTree(old, readTree(out));
    const { review } = await run(later(2), { Sql: ['198.18.0.0/24', '198.18.6.0/24'], ...DNS });
    let printed = '';
    const io: Io = {
      out: (text) => {
        printed += text;
      },
      err: () => undefined,
      environment: {},
      today: () => later(2),
      columns: undefined,
      colours: false,
      setStatus: () => undefined,
    };
    await diffCommand(old, out, { format: 'json' }, io);
    const document = JSON.parse(printed);
    // That no service tag has the lost addresses any more, the trees know without the feed.
    expect(document.notes).toEqual(JSON.parse(JSON.stringify(reviewDocument(review).notes)));
    expect(writeHtml(review, { script: '', style: '' })).toMatch(
      /Notes[\s\S]*gains blocks that no service tag had on 2026-01-12[\s\S]*Guards/,
    );
    expect(writeHtml(review, { script: '', style: '' })).toContain(
      'rule sql loses addresses that it gained only on 2026-01-12',
    );
    expect(document.notes.map(({ kind }: { kind: string }) => kind)).toEqual([
      'new-space',
      'short-lived',
      'attribution',
      'withdrawn',
    ]);
  });
});
