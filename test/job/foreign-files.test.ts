import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

  it('survive hostile locks (seed 11)', { timeout: 120_000 }, async () => {
    const random = seededRandom(11);
    await run(['198.18.0.0/24']);
    writeTree(out, FOREIGN);
    const lock = readFileSync(join(out, 'allowlist.lock.json'), 'utf8');
    const pick = <T>(items: readonly T[]): T => items[below(random, items.length)]!;
    const outcomes = { refused: 0, ran: 0 };
    for (let round = 0; round < times(60, 200); round++) {
      writeFileSync(join(out, 'allowlist.lock.json'), lock);
      editLock(({ files, targets }) => {
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
      const next = pick([['198.18.0.0/24'], ['198.18.0.0/24', '198.18.1.0/24']]);
      await run(next, pick([BOTH, '{ iptables: {} }'])).then(
        () => {
          outcomes.ran++;
        },
        () => {
          outcomes.refused++;
        },
      );
      for (const [path, text] of FOREIGN)
        expect(readFileSync(join(out, path), 'utf8'), `${round} ${path}`).toBe(text);
      if (!readTree(out).has('squid/azure-allow.conf')) {
        rmSync(out, { recursive: true });
        await run(['198.18.0.0/24']);
        writeTree(out, FOREIGN);
      }
    }
    expect(outcomes.refused).toBeGreaterThan(times(30, 100));
  });
});
