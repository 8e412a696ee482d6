import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { historyCommand } from '../../src/cli/history.ts';
import { runCommand } from '../../src/cli/run.ts';
import type { HistoryDocument } from '../../src/review/history/json-shape.ts';
import { lacks } from '../support/programs.ts';
import { recordingIo } from '../support/recording-io.ts';

const sample = (name: string) => fileURLToPath(new URL(`../../data/sample/${name}`, import.meta.url));
const WEEKS = ['ServiceTags_Public_20260105.json', 'ServiceTags_Public_20260112.json'];

async function historyOf(directory: string, tag?: string[]): Promise<HistoryDocument> {
  const { io, said } = recordingIo();
  await historyCommand(directory, { format: 'json', ...(tag === undefined ? {} : { tag }) }, io);
  return JSON.parse(said.out) as HistoryDocument;
}

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'history-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.skipIf(lacks('git'))('azure-allowlist history of an output tree in git', () => {
  it('has a revision a commit, oldest first', async () => {
    const repository = join(scratch, 'repository');
    const tree = join(repository, 'allowlists');
    const git = (...args: string[]) =>
      execFileSync(
        'git',
        ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', repository, ...args],
        {
          encoding: 'utf8',
        },
      );
    await mkdir(repository);
    git('init', '-q');
    const { io } = recordingIo();
    const commits: string[] = [];
    for (const feed of WEEKS) {
      await runCommand(
        { config: sample('allowlist.yaml'), feed: sample(feed), out: tree, cache: join(scratch, 'cache') },
        io,
      );
      git('add', '-A');
      git('commit', '-qm', feed);
      commits.push(git('rev-parse', 'HEAD').trim());
    }
    // A commit that does not touch the tree is no revision of it.
    git('commit', '-qm', 'nothing', '--allow-empty');
    const { revisions, tags } = await historyOf(tree);
    expect(revisions.map(({ id }) => id)).toEqual(commits);
    expect(revisions.map(({ feed }) => feed.name)).toEqual(WEEKS);
    expect(revisions[0]!.change).toBeNull();
    expect(revisions[1]!.change!.tags.changed).toBeGreaterThan(0);
    expect(tags.length).toBeGreaterThan(0);
  });

  it('says what it needs', async () => {
    await expect(historyOf(join(scratch, 'none'))).rejects.toThrow('is not a directory');
    await mkdir(join(scratch, 'empty'));
    await expect(historyOf(join(scratch, 'empty'))).rejects.toThrow('holds neither weekly files');
    await writeFile(join(scratch, 'empty', 'allowlist.lock.json'), '{}\n');
    await expect(historyOf(join(scratch, 'empty'))).rejects.toThrow(/not.*git|repository/);
  });
});

describe('azure-allowlist history of a directory of feeds', () => {
  it('has a revision a file, and only the tags asked for', async () => {
    const feeds = join(scratch, 'feeds');
    await mkdir(feeds);
    for (const name of WEEKS) await copyFile(sample(name), join(feeds, name));
    const all = await historyOf(feeds);
    expect(all.revisions.map(({ id, date }) => [id, date])).toEqual([
      [WEEKS[0], '2026-01-05'],
      [WEEKS[1], '2026-01-12'],
    ]);
    const one = all.tags[0]!.tag;
    const { tags } = await historyOf(feeds, [one]);
    expect(tags).toEqual(all.tags.slice(0, 1));
    await expect(historyOf(feeds, ['NoSuchTag'])).rejects.toThrow('none of the feeds');
  });
});
