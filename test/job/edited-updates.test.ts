import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { directoryReader, readOutputTree } from '../../src/committed/output-tree.ts';
import { verifyTree } from '../../src/committed/verify.ts';
import { parseConfig } from '../../src/config/load.ts';
import { runJob } from '../../src/job.ts';
import { weeklyTag } from '../feed/weekly-file.ts';

/* Files that only add remember by their own lines what devices that missed weeks still hold: a hand may not end that. */

const config = (inGit: boolean) => `
version: 1
rules:
  - { name: sql, serviceTags: [Sql], ports: [443] }
targets: { paloalto: {}, cisco-asa: {}, junos: {}, fortigate: {} }
output: allowlists
publish: { git: ${inGit} }
guards:
  special-use: { allow: [198.18.0.0/15] }
  tag-shrink: { addresses: 1000000 }
`;

/** Lines that take back the first week's second prefix, by file. */
const TAKEN_BACK = {
  'paloalto/azure-update.set': /^delete address az-198_18_64_0-24\n/m,
  'cisco-asa/azure.cfg': /^ no network-object 198\.18\.64\.0 255\.255\.255\.0\n/m,
  'junos/azure.set': /^delete security address-book global address azure-198\.18\.64\.0-24\n/m,
  'fortigate/azure.conf': /^ {4}delete "az-198_18_64_0-24"\n/m,
} as const;
const FILES = Object.entries(TAKEN_BACK);

describe('a file that only adds, and was edited', () => {
  let directory: string;
  const path = (file: string) => join(directory, 'allowlists', file);
  const text = (file: string) => readFileSync(path(file), 'utf8');
  const git = (...args: string[]) => execFileSync('git', args, { cwd: directory, stdio: 'pipe' }).toString();

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'edited-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const run = (prefixes: string[], date: string, inGit: boolean) => {
    const feed = join(directory, `ServiceTags_Public_${date}.json`);
    const values = [weeklyTag('Sql', prefixes)];
    writeFileSync(feed, JSON.stringify({ changeNumber: Number(date), cloud: 'Public', values }));
    return runJob({
      config: parseConfig(config(inGit), join(directory, 'allowlist.yaml')),
      feed,
      dryRun: false,
      accept: ['feed-shrink'],
      offline: true,
      cacheDirectory: undefined,
      environment: {},
      today: '2026-01-20',
      report: () => {},
    });
  };
  const twoWeeks = async (inGit: boolean) => {
    await run(['198.18.0.0/20', '198.18.64.0/24'], '20260105', inGit);
    await run(['198.18.0.0/20'], '20260112', inGit);
    for (const [file, line] of FILES) expect(text(file), file).toMatch(line);
  };
  const forget = () => {
    for (const [file, line] of FILES) writeFileSync(path(file), text(file).replace(line, ''));
  };
  const problems = async () => {
    const tree = await readOutputTree(directoryReader(join(directory, 'allowlists')));
    return (await verifyTree(tree!)).problems;
  };

  it('takes back again what a hand had taken out, from what the history of git has', async () => {
    git('init', '-q');
    git('config', 'user.name', 'Test');
    git('config', 'user.email', 'test@example.com');
    git('commit', '-q', '--allow-empty', '-m', 'start');
    await twoWeeks(true);
    const before = FILES.map(([file]) => text(file));
    forget();
    git('commit', '-q', '-a', '-m', 'by hand');
    // A device that has the first week's files takes these: it must lose the prefix that left.
    const { outcome, review } = await run(['198.18.0.0/20'], '20260112', true);
    expect(outcome).toBe('published');
    expect(review.drift.map(({ target }) => target).sort()).toEqual([
      ...['cisco-asa', 'fortigate', 'junos', 'paloalto'],
    ]);
    expect(FILES.map(([file]) => text(file))).toEqual(before);
    expect(await problems()).toEqual([]);
  });

  it('is told where there is no history, and stands in the lock as it is from then on', async () => {
    await twoWeeks(false);
    forget();
    expect((await problems()).map(({ where }) => where)).toEqual(
      expect.arrayContaining(FILES.map(([file]) => file)),
    );
    const { outcome, review } = await run(['198.18.0.0/20'], '20260112', false);
    expect(outcome).toBe('published');
    expect(review.drift.length).toBe(FILES.length);
    expect(await problems()).toEqual([]);
  });
});
