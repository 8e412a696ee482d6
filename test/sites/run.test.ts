import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { applyCommand } from '../../src/cli/run.ts';
import type { RunAnyFlags } from '../../src/cli/run-any.ts';
import { runSitesCommand } from '../../src/cli/run-sites.ts';
import { weeklyTag } from '../feed/weekly-file.ts';
import { lacks } from '../support/programs.ts';
import { recordingIo } from '../support/recording-io.ts';

const BASE = `version: 1
rules:
  - { name: net, serviceTags: [Storage], ports: [443] }
targets: { squid: {}, iptables: {} }
guards:
  special-use: { allow: [198.18.0.0/15, 192.0.2.0/24, 203.0.113.0/24, 198.51.100.0/24] }
  tag-growth: { percent: 100 }
  feed-shrink: { percent: 100, prefixPercent: 100 }
`;

/** A made-up week. */
function weekOf(date: string, tags: Readonly<Record<string, readonly unknown[]>>): [string, string] {
  const values = Object.entries(tags).map(([name, prefixes]) => weeklyTag(name, [...prefixes]));
  return [
    `ServiceTags_Public_${date}.json`,
    JSON.stringify({ changeNumber: Number(date.slice(-2)), cloud: 'Public', values }),
  ];
}

const ONE = weekOf('20260105', { Storage: ['198.51.100.0/24'], Sql: ['203.0.113.0/25', '203.0.113.128/25'] });
const TWO = weekOf('20260112', {
  Storage: ['198.51.100.0/24', '192.0.2.0/26'],
  Sql: ['203.0.113.0/25', '203.0.113.128/25'],
});
const SHRUNK = weekOf('20260119', { Storage: ['198.51.100.0/24', '192.0.2.0/25'], Sql: ['203.0.113.0/28'] });

function workplace(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'sites-run-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const write = (more: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(more)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
  };
  write({ 'base.yaml': BASE, ...Object.fromEntries([ONE, TWO, SHRUNK]), ...files });
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=A Job', '-c', 'user.email=job@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
    }).trim();
  const run = async (
    feed: string,
    flags: Partial<RunAnyFlags> = {},
    environment: Readonly<Record<string, string>> = {},
  ) => {
    const { io, said } = recordingIo(environment);
    await runSitesCommand(
      [join(folder, 'sites/*/allowlist.yaml')],
      {
        config: [],
        feed: feed.startsWith('http') ? feed : join(folder, feed),
        cache: join(folder, '.cache'),
        offline: !feed.startsWith('http'),
        ...flags,
      },
      io,
    );
    return said;
  };
  const begin = () => {
    git('init', '--quiet', '--initial-branch=main');
    git('config', 'user.name', 'A Job');
    git('config', 'user.email', 'job@example.com');
    git('add', 'base.yaml', 'sites');
    git('commit', '--quiet', '-m', 'Begin');
  };
  return { folder, write, git, run, begin, text: (path: string) => readFileSync(join(folder, path), 'utf8') };
}

const site = (more = '') => `extends: ../../base.yaml\n${more}`;
const IN_GIT = 'publish: { git: true }\n';

describe('many sites', () => {
  it('write each its own tree; what they share is fetched once, and what is noted is said once', async () => {
    const { folder, run, text } = workplace({
      'sites/a/allowlist.yaml': site(),
      'sites/b/allowlist.yaml': site('targets: { squid: false }\n'),
      'sites/c/allowlist.yaml': site(),
    });
    const requests: string[] = [];
    const server = createServer((request, response) => {
      requests.push(request.url ?? '');
      response.end(ONE[1]);
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const said = await run(`http://127.0.0.1:${port}/${ONE[0]}`);
    expect(said.status, said.err).toBe(0);
    expect(requests).toHaveLength(1);
    expect(said.out).toMatch(/^3 of 3 sites change, in 2 ways\.\n/);
    expect(said.out).toMatch(/3 sites: 3 published\.\n$/);
    expect(text('sites/a/allowlists/squid/net-ipv4.txt')).toBe(text('sites/c/allowlists/squid/net-ipv4.txt'));
    expect(existsSync(join(folder, 'sites/b/allowlists/squid'))).toBe(false);
    const notes = said.err.split('\n').filter((line) => line.startsWith('noted: '));
    expect(notes).toHaveLength(new Set(notes).size);
  });

  it('go on where one is refused, fails, or cannot be read; each is named', async () => {
    const { folder, run } = workplace({
      'sites/good/allowlist.yaml': site(),
      'sites/sql/allowlist.yaml': site('rules: [{ name: sql, serviceTags: [Sql], ports: [1433] }]\n'),
      'sites/wrong/allowlist.yaml': site('outptu: x\n'),
      'sites/gone/allowlist.yaml': site('rules: [{ name: net, serviceTags: [Nowhere], ports: [443] }]\n'),
    });
    expect((await run(ONE[0], { only: ['good', 'sql'] })).status).toBe(0);
    const summary = join(folder, 'summary.md');
    const said = await run(SHRUNK[0], {}, { GITHUB_STEP_SUMMARY: summary });
    expect(said.status).toBe(3);
    expect(readFileSync(summary, 'utf8')).toMatch(/- `sql`: refused: `tag-shrink: [^\n]*`\n/);
    expect(said.out).toMatch(/4 sites: 1 published, 2 refused, 1 failed\.\n$/);
    expect(said.err).toMatch(/sql: .*tag-shrink/s);
    expect(said.err).toMatch(/wrong: .*line 2, outptu: unknown key/s);
    expect(said.err).toMatch(/gone: .*Nowhere/s);
    expect(readFileSync(join(folder, 'sites/good/allowlists/squid/net-ipv4.txt'), 'utf8')).toContain(
      '192.0.2.0/25',
    );
    // Without the refusal it is the configuration that counts.
    expect((await run(SHRUNK[0], { only: ['good', 'wrong'] })).status).toBe(5);
  });

  it('are not stopped by what is wrong in a tag that only one of them uses', async () => {
    const { write, run } = workplace({
      'sites/good/allowlist.yaml': site(),
      'sites/sql/allowlist.yaml': site('rules: [{ name: sql, serviceTags: [Sql], ports: [1433] }]\n'),
    });
    write(
      Object.fromEntries([weekOf('20260105', { Storage: ['198.51.100.0/24'], Sql: ['203.0.113.0/99'] })]),
    );
    const said = await run(ONE[0]);
    expect(said.status).toBe(4);
    expect(said.out).toMatch(/2 sites: 1 published, 1 failed\.\n$/);
    expect(said.err).toMatch(/sql: .*not a usable feed.*203\.0\.113\.0\/99/s);
  });

  it('that would write to one place are refused before anything is written', async () => {
    const { folder, run } = workplace({
      'sites/a/allowlist.yaml': site('output: ../../shared\n'),
      'sites/b/allowlist.yaml': site('output: ../../shared/b\n'),
    });
    await expect(run(ONE[0])).rejects.toThrow(/two sites write to one place[\s\S]*inside the output of a/);
    expect(existsSync(join(folder, 'shared'))).toBe(false);
  });

  it('take no flag that is for one configuration', async () => {
    const { run } = workplace({ 'sites/a/allowlist.yaml': site() });
    await expect(run(ONE[0], { out: 'x' })).rejects.toThrow('--out is for one configuration');
    await expect(run(ONE[0], { plan: 'x' })).rejects.toThrow(
      /--plan is for one configuration, not for many sites[\s\S]*publish\.git\.pullRequest/,
    );
    const { io } = recordingIo({});
    await expect(applyCommand('plan.json', { config: 'sites/*/allowlist.yaml' }, io)).rejects.toThrow(
      'a plan is of one configuration, not of many sites',
    );
  });

  it('say what would change in a dry run, and as one JSON document', async () => {
    const { folder, run } = workplace({ 'sites/a/allowlist.yaml': site(), 'sites/b/allowlist.yaml': site() });
    const said = await run(ONE[0], { dryRun: true, detailedExitcode: true, json: true });
    expect(said.status).toBe(2);
    const document = JSON.parse(said.out) as { sites: { name: string; outcome: string; review: object }[] };
    expect(document.sites.map(({ outcome }) => outcome)).toEqual(['would-publish', 'would-publish']);
    expect(document.sites[0]!.review).toMatchObject({ version: 2 });
    expect(existsSync(join(folder, 'sites/a/allowlists'))).toBe(false);
  });
});

describe.skipIf(lacks('git'))('many sites of one repository', () => {
  it('are one commit, and none where nothing changes', async () => {
    const { run, git, begin } = workplace({
      'sites/a/allowlist.yaml': site(IN_GIT),
      'sites/b/allowlist.yaml': site(IN_GIT),
      'sites/c/allowlist.yaml': site(`${IN_GIT}rules: [{ name: net, serviceTags: [Sql], ports: [443] }]\n`),
    });
    begin();
    const first = await run(ONE[0]);
    expect(first.status, first.err).toBe(0);
    expect(first.out).toMatch(/3 sites: 3 published; committed as [0-9a-f]{12} on main\.\n$/);
    expect(git('rev-list', '--count', 'HEAD')).toBe('2');
    expect(git('status', '--porcelain', 'sites')).toBe('');

    const next = await run(TWO[0]);
    expect(next.status, next.err).toBe(0);
    expect(next.out).toMatch(/^2 of 3 sites change, all alike\.\n/);
    expect(git('log', '-1', '--format=%s')).toMatch(/^2 sites: .*\+64 IPv4/);
    const body = git('log', '-1', '--format=%b');
    expect(body).toMatch(/^a and b \(2 sites\):\n/);
    expect(body).toContain('squid +64 IPv4 (net)');
    expect(body).toMatch(/Policy-Digest: [0-9a-f]{64}$/);
    const files = git('show', '--name-only', '--format=', 'HEAD').split('\n');
    expect(files.filter((path) => path.startsWith('sites/c/'))).toEqual([]);

    const again = await run(TWO[0]);
    expect(again.out).toBe('3 sites: 3 unchanged.\n');
    expect(git('rev-list', '--count', 'HEAD')).toBe('3');
  });

  it('keep what else is staged, and hold what a person must look at', async () => {
    const held = `${IN_GIT.replace('true', 'true, when: routine')}`;
    const { run, git, begin, write, folder } = workplace({
      'sites/a/allowlist.yaml': site(held),
      'sites/b/allowlist.yaml': site(IN_GIT),
    });
    begin();
    write({ 'notes.md': 'mine\n' });
    git('add', 'notes.md');
    const said = await run(ONE[0]);
    expect(said.status, said.err).toBe(2);
    expect(said.out).toMatch(/2 sites: 1 published, 1 held; committed as/);
    expect(existsSync(join(folder, 'sites/a/allowlists'))).toBe(false);
    expect(git('diff', '--cached', '--name-only')).toBe('notes.md');
  });

  it('have their commit taken back where a hook widens the files of one', async () => {
    const { run, git, begin, write } = workplace({
      'sites/a/allowlist.yaml': site(IN_GIT),
      'sites/b/allowlist.yaml': site(IN_GIT),
    });
    begin();
    write({
      '.git/hooks/pre-commit':
        '#!/bin/sh\nsed -i s,198.51.100.0/24,198.51.0.0/16, sites/b/allowlists/squid/net-ipv4.txt\ngit add sites/b/allowlists/squid/net-ipv4.txt\n',
    });
    execFileSync('chmod', ['+x', git('rev-parse', '--absolute-git-dir').concat('/hooks/pre-commit')]);
    const said = await run(ONE[0]);
    expect(said.status).toBe(1);
    expect(git('rev-list', '--count', 'HEAD')).toBe('1');
    expect(said.err).toMatch(
      /sites\/b\/allowlists\/squid\/net-ipv4\.txt: .*lets 198\.51\.0\.0\/16|sites\/b\/allowlists\/squid\/net-ipv4\.txt: was committed with other bytes/,
    );
    expect(said.err).toMatch(/a and b: /);
  });
});
