import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatLock } from '../../src/committed/lock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { runJob } from '../../src/job.ts';
import { weeklyTag } from '../feed/weekly-file.ts';
import { readTree, writeTree } from '../publish/trees.ts';
import { times } from '../support/long.ts';
import { below, seededRandom } from '../support/random.ts';

const config = (targets: string) => `
version: 1
rules:
  - { name: sql, serviceTags: [Sql], ports: [443] }
targets: ${targets}
output: allowlists
guards:
  special-use: { allow: [198.18.0.0/15] }
`;
const BOTH = '{ iptables: {}, squid: {} }';
const FOREIGN = [
  ['IMPORTANT.txt', 'ours\n'],
  ['.env', 'SECRET=1\n'],
  ['.github/workflows/ci.yml', 'on: push\n'],
  ['docs/guide.md', '# Guide\n'],
  ['squid/README.local', 'by hand\n'],
  ['snapshots/2024.txt', 'kept\n'],
  ['nginx/evil.conf', 'kept too\n'],
] as const;

/** Puts something else in the place of a file or folder; what it returns takes a link away again, if it is still there. */
const instead =
  (path: string, put: (place: string) => void) =>
  (out: string): (() => void) => {
    const place = join(out, path);
    rmSync(place, { recursive: true, force: true });
    put(place);
    return () => {
      if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() === true) unlinkSync(place);
    };
  };
const linkTo = (target: string) => (place: string) => symlinkSync(target, place);

/** What stands in a tree: a link or a pipe where a run wrote. */
const HOSTILE_TREES: readonly ((out: string) => () => void)[] = [
  instead('snapshot', linkTo('docs')),
  instead('snapshot', linkTo('../outside')),
  instead('iptables', linkTo('docs')),
  instead('iptables', linkTo('../outside')),
  instead('snapshot/Sql.txt', linkTo('../IMPORTANT.txt')),
  instead('squid/azure-allow.conf', linkTo('../IMPORTANT.txt')),
  instead('REVIEW.md', linkTo('docs/guide.md')),
  instead('iptables/iptables.rules', (place) => execFileSync('mkfifo', [place])),
  instead('allowlist.lock.json', linkTo('../outside/theirs.txt')),
];
const sha = (text: string) => createHash('sha256').update(text).digest('hex');

describe('files that are not of the tool', () => {
  let directory: string;
  let out: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foreign-'));
    out = join(directory, 'allowlists');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function run(prefixes: string[], targets = BOTH, date = '20260105') {
    const feed = join(directory, `ServiceTags_Public_${date}.json`);
    writeFileSync(
      feed,
      JSON.stringify({ changeNumber: 0, cloud: 'Public', values: [weeklyTag('Sql', prefixes)] }),
    );
    return runJob({
      config: parseConfig(config(targets), join(directory, 'allowlist.yaml')),
      feed,
      dryRun: false,
      accept: [],
      offline: true,
      cacheDirectory: undefined,
      environment: {},
      today: '2026-01-06',
      report: () => {},
    });
  }
  const editLock = (
    edit: (lock: { files: Record<string, string>; targets: Record<string, unknown> }) => void,
  ) => {
    const path = join(out, 'allowlist.lock.json');
    const lock = JSON.parse(readFileSync(path, 'utf8'));
    edit(lock);
    // Whoever can write there can make the lock's own digest as well.
    writeFileSync(path, formatLock(lock));
  };

  it('are refused and listed where a lock names them, and stay', async () => {
    await run(['198.18.0.0/24']);
    writeTree(out, FOREIGN);
    editLock((lock) => {
      for (const [path, text] of FOREIGN.slice(0, 3)) lock.files[path] = sha(text);
    });
    const before = readTree(out);
    const failed = run(['198.18.0.0/24', '198.18.1.0/24'], BOTH, '20260112');
    await expect(failed).rejects.toThrow(/would be removed that are not this program's/);
    await expect(failed).rejects.toThrow(/\.env: a lock names it, but no run writes there/);
    expect(readTree(out)).toEqual(before);
  });

  it('are not what a run wrote and somebody edited: that is refused as well', async () => {
    await run(['198.18.0.0/24']);
    writeFileSync(join(out, 'squid/sql-ipv4.txt'), '198.18.0.0/25\n');
    const before = readTree(out);
    await expect(run(['198.18.0.0/24'], '{ iptables: {} }')).rejects.toThrow(
      /squid\/sql-ipv4\.txt: was edited after a run wrote it, and is no longer made/,
    );
    expect(readTree(out)).toEqual(before);
  });

  it('survive hostile locks and trees (seed 11)', { timeout: 120_000 }, async () => {
    const random = seededRandom(11);
    await run(['198.18.0.0/24']);
    writeTree(out, FOREIGN);
    const whole = readTree(out);
    const pick = <T>(items: readonly T[]): T => items[below(random, items.length)]!;
    const outcomes = { refused: 0, ran: 0 };
    mkdirSync(join(directory, 'outside'));
    writeFileSync(join(directory, 'outside/theirs.txt'), 'theirs\n');
    for (let round = 0; round < times(40, 200); round++) {
      // With a lock as a run wrote it, the tree alone is strange, and more runs come to their end.
      const isHostile = random() < 0.6;
      editLock(({ files, targets }) => {
        if (!isHostile) return;
        for (let count = 0; count <= below(random, 3); count++) {
          const [path, text] = pick(FOREIGN);
          const name = pick([
            path,
            `./${path}`,
            `snapshot/../${path}`,
            path.toUpperCase(),
            `squid/../${path}`,
          ]);
          // In a folder of ours, with the digest of what is there, it would be what a run wrote.
          const inOurs = /^(squid|nginx)\//.test(path);
          files[name] = inOurs ? sha('else') : pick([sha(text), sha('else')]);
        }
        if (random() < 0.5) targets[pick(['docs', 'nginx', 'snapshots', 'squid2'])] = targets.squid;
      });
      const undo = random() < 0.3 ? () => {} : pick(HOSTILE_TREES)(out);
      const next = pick([['198.18.0.0/24'], ['198.18.0.0/24', '198.18.1.0/24']]);
      await run(next, pick([BOTH, '{ iptables: {} }'])).then(
        () => {
          outcomes.ran++;
        },
        () => {
          outcomes.refused++;
        },
      );
      undo();
      for (const [path, text] of FOREIGN)
        expect(readFileSync(join(out, path), 'utf8'), `${round} ${path}`).toBe(text);
      expect(readdirSync(join(out, 'docs')), `${round}`).toEqual(['guide.md']);
      expect(readdirSync(join(directory, 'outside')), `${round}`).toEqual(['theirs.txt']);
      rmSync(out, { recursive: true });
      writeTree(out, whole);
    }
    expect(outcomes.refused).toBeGreaterThan(times(20, 100));
    expect(outcomes.ran).toBeGreaterThan(times(1, 10));
  });
});
