import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkCommand } from '../../src/cli/check.ts';
import { runCommand } from '../../src/cli/run.ts';
import { allowedSince } from '../../src/committed/allowed-since.ts';
import { LOCK_FILE } from '../../src/committed/lock.ts';
import { directoryReader, readOutputTree } from '../../src/committed/output-tree.ts';
import { parseQuery } from '../../src/policy/query.ts';
import { lacks } from '../support/programs.ts';
import { recordingIo } from '../support/recording-io.ts';

const sample = (name: string) => fileURLToPath(new URL(`../../data/sample/${name}`, import.meta.url));

async function check(out: string, queries: readonly string[], json: boolean): Promise<string> {
  const { io, said } = recordingIo();
  await checkCommand(queries, { config: 'none.yaml', out, json }, io);
  return said.out;
}

/** What the command says on standard error. */
async function told(out: string, ...queries: readonly string[]): Promise<string> {
  const { io, said } = recordingIo();
  await checkCommand(queries, { config: 'none.yaml', out }, io);
  return said.err;
}

async function sinceOf(out: string, ...queries: readonly string[]): Promise<unknown[]> {
  const { answers } = JSON.parse(await check(out, queries, true));
  return answers.map(({ since }: { since: unknown }) => since);
}

/** In both weeks; in the second only; in the first only; a range in both, published otherwise in the second. */
const [BOTH, SECOND, FIRST, SPLIT] = ['192.0.2.97:443', '198.18.250.0/24', '198.19.5.1', '192.0.2.0/27'];
const [WEEK1, WEEK2] = ['2026-01-05', '2026-01-12'];

describe.skipIf(lacks('git'))('since when something is allowed', () => {
  let scratch: string;
  let repository: string;
  let tree: string;
  let bare: string;
  /** The weeks that were committed, in order: first, second, first, second, and the second once more. */
  const commits: string[] = [];

  function git(...args: readonly string[]): string {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com'];
    return execFileSync('git', [...identity, '-C', repository, ...args], { encoding: 'utf8' }).trim();
  }

  function commit(subject: string): string {
    git('add', '-A');
    git('commit', '-qm', subject);
    return git('rev-parse', 'HEAD');
  }

  /** Makes the working tree what it was at a commit, without committing it. */
  function restore(revision: string): void {
    git('rm', '-rqf', 'allowlists');
    git('checkout', '-q', revision, '--', 'allowlists');
  }

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'check-since-'));
    repository = join(scratch, 'repository');
    tree = join(repository, 'allowlists');
    bare = join(scratch, 'allowlists');
    await mkdir(repository);
    git('init', '-q');
    const { io } = recordingIo();
    for (const week of ['20260105', '20260112']) {
      const feed = sample(`ServiceTags_Public_${week}.json`);
      const cache = join(scratch, 'cache');
      await runCommand({ config: sample('allowlist.yaml'), feed, out: tree, cache }, io);
      commits.push(commit(week));
    }
    for (const index of [0, 1]) {
      restore(commits[index]!);
      commits.push(commit(`week ${index + 1} again`));
    }
    // A commit of the same policy, as a week makes in which no selected tag changes.
    const lock = join(tree, LOCK_FILE);
    await writeFile(
      lock,
      (await readFile(lock, 'utf8')).replace('"changeNumber": 102', '"changeNumber": 103'),
    );
    commits.push(commit('nothing for this policy'));
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  it('names the week and commit from which on no revision was without it', async () => {
    const [everFrom, regained] = [
      { fileDate: WEEK1, commit: commits[0], atLeast: false },
      { fileDate: WEEK2, commit: commits[3], atLeast: false },
    ];
    // A range counts as its addresses, however they are written; so does a wider one, from its last gain on.
    expect(
      await sinceOf(tree, BOTH, SECOND, FIRST, SPLIT, 'login.microsoftonline.com', '192.0.2.97:22'),
    ).toEqual([everFrom, regained, null, everFrom, everFrom, null]);
    expect(await sinceOf(tree, '2001:db8:3800::1', '192.0.2.0/24')).toEqual([regained, null]);
  });

  it('says so in the text', async () => {
    const text = await check(tree, [BOTH, SECOND, FIRST], false);
    expect(text.match(/^ {2}since .*$/gm)).toEqual([
      `  since    the week of ${WEEK1} (commit ${commits[0]!.slice(0, 10)})`,
      `  since    the week of ${WEEK2} (commit ${commits[3]!.slice(0, 10)})`,
    ]);
  });

  it('tells a working tree from what is committed, and a tree from a time without one', async () => {
    restore(commits[0]!);
    try {
      expect(await sinceOf(tree, FIRST, BOTH)).toEqual([
        { fileDate: WEEK1, commit: null, atLeast: false },
        { fileDate: WEEK1, commit: commits[0], atLeast: false },
      ]);
      git('rm', '-rqf', 'allowlists');
      commit('no tree');
      git('checkout', '-q', commits[4]!, '--', 'allowlists');
      const back = commit('a tree again');
      expect(await sinceOf(tree, BOTH)).toEqual([{ fileDate: WEEK2, commit: back, atLeast: false }]);
    } finally {
      git('reset', '-q', '--hard', commits[4]!);
    }
  });

  it('says "at least" where it does not see the first revision', async () => {
    const published = (await readOutputTree(directoryReader(tree)))!;
    const query = parseQuery(BOTH);
    const limited = async (limit: number) =>
      (await allowedSince(published, [query], {}, { limit })).since.get(query);
    expect(await limited(2)).toEqual({ fileDate: WEEK2, commit: commits[3], atLeast: true });
    expect(await limited(5)).toEqual({ fileDate: WEEK1, commit: commits[0], atLeast: false });

    const shallow = join(scratch, 'shallow');
    git('clone', '-q', '--depth=2', `file://${repository}`, shallow);
    const out = join(shallow, 'allowlists');
    expect(await sinceOf(out, BOTH)).toEqual([{ fileDate: WEEK2, commit: commits[3], atLeast: true }]);
    expect(await check(out, [BOTH], false)).toContain(`  since    at least the week of ${WEEK2} (commit `);
    expect(await told(out, BOTH)).toContain('the clone is shallow');
    // Of what came in later than where the clone is cut off, all is known.
    expect(await told(out, FIRST)).toBe('');

    // A lock that this version cannot read ends what can be known, and is no reason to answer nothing.
    await writeFile(join(tree, LOCK_FILE), '{}\n');
    commit('not ours');
    restore(commits[4]!);
    const again = commit('ours');
    try {
      expect(await sinceOf(tree, BOTH)).toEqual([{ fileDate: WEEK2, commit: again, atLeast: true }]);
      expect(await told(tree, BOTH)).toMatch(/this version cannot read the lock of commit [0-9a-f]{10}\n$/);
    } finally {
      git('reset', '-q', '--hard', commits[4]!);
    }
  });

  it('says why it says nothing where git does not read the repository', async () => {
    const withEnvironment = async (name: string, value: string) => {
      const before = process.env[name];
      process.env[name] = value;
      try {
        expect(await sinceOf(tree, BOTH)).toEqual([null]);
        return await told(tree, BOTH, FIRST);
      } finally {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      }
    };
    const refused = await withEnvironment('GIT_TEST_ASSUME_DIFFERENT_OWNER', '1');
    expect(refused).toContain('since when it is allowed is not wholly known: ');
    expect(refused).toContain('dubious ownership');
    expect(refused).toContain('safe.directory');
    const missing = await withEnvironment('PATH', scratch);
    expect(missing).toContain('git cannot be started');
    expect(missing).toContain('install git, or put it on the PATH');
  });

  it('is null outside of a repository, and in one without a commit of the tree', async () => {
    execFileSync('cp', ['-R', tree, bare]);
    expect(await sinceOf(bare, BOTH)).toEqual([null]);
    expect(await check(bare, [BOTH], false)).not.toContain('since');
    // There is no history that could be missed.
    expect(await told(bare, BOTH)).toBe('');
    execFileSync('git', ['init', '-q', bare]);
    expect(await sinceOf(bare, BOTH)).toEqual([null]);
    expect(await told(bare, BOTH)).toContain('the output tree was never committed');
    expect(await told(bare, '203.0.113.7')).toBe('');
  });
});
