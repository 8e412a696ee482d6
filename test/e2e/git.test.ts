import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTree } from '../publish/trees.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, start, workplace, writeConfiguration } from './command.ts';
import { everyTarget, SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

/** A new repository with one commit, a change that is staged, one that is not, and a file that is not tracked. */
function repository() {
  const folder = workplace();
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: 30_000,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: folder,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_NOSYSTEM: '1',
      },
    });
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'user.name', 'A Job');
  git('config', 'user.email', 'job@example.com');
  mkdirSync(join(folder, 'docs'));
  for (const name of ['docs/staged.md', 'docs/unstaged.md'])
    writeFileSync(join(folder, name), 'as committed\n');
  writeFileSync(join(folder, '.gitignore'), '.cache/\n');
  git('add', '.');
  git('commit', '--quiet', '-m', 'Begin');
  for (const name of ['docs/staged.md', 'docs/unstaged.md']) appendFileSync(join(folder, name), 'a change\n');
  writeFileSync(join(folder, 'docs/untracked.md'), 'new\n');
  git('add', 'docs/staged.md');
  return { folder, git };
}

const UNRELATED = 'M  docs/staged.md\n M docs/unstaged.md\n?? docs/untracked.md\n';

const cases = [
  {
    what: 'the sample',
    skip: false,
    weeks: () => [SAMPLE_WEEKS[0], SAMPLE_WEEKS[1], SAMPLE_WEEKS[1]],
    subjects: [/^.*\+36,124 IPv4.*\+\d+ names$/, /^.* of 2026-01-12: \+648 -64 IPv4, \+16,842,752\/64 IPv6$/],
  },
  {
    what: 'the weeks 20250804, 20250811 and 20250818',
    skip: !feedsAvailable,
    weeks: () => ['20250804', '20250811', '20250818'].map(feedFile),
    subjects: [/^.*\+[\d,]+ IPv4.*\+\d+ names$/, /^.* of 2025-08-11: \+[\d,]+( -[\d,]+)? IPv4/],
  },
];

for (const { what, skip, weeks, subjects } of cases)
  describe.skipIf(skip || lacks('git'))(`in a git repository, ${what}`, () => {
    it('give two commits, then a run that says that nothing changed', async () => {
      const { folder, git } = repository();
      const configuration = writeConfiguration(
        workplace(),
        sampleConfiguration({ targets: await everyTarget(), publish: { git: true } }),
      );
      const run = async (feed: string) => {
        const ended = await azureAllowlist(['run', '-c', configuration, '-o', 'allowlists', '--feed', feed], {
          cwd: folder,
        });
        expect(ended.status, ended.stderr).toBe(0);
        expect(git('status', '--porcelain', '--', 'allowlists')).toBe('');
        expect(git('status', '--porcelain')).toBe(UNRELATED);
        return ended.stdout;
      };
      const [first = '', second = '', third = ''] = weeks();
      expect(await run(first)).toMatch(/; committed as [0-9a-f]{12}\.$/m);
      expect(await run(second)).toMatch(/; committed as [0-9a-f]{12}\.$/m);
      const before = readTree(join(folder, 'allowlists'));
      expect(await run(third)).toContain('nothing changes on any device');
      expect(readTree(join(folder, 'allowlists'))).toEqual(before);

      const told = git('log', '--reverse', '--format=%s').trim().split('\n');
      expect(told).toHaveLength(3);
      expect(told[0]).toBe('Begin');
      for (const [index, subject] of subjects.entries()) {
        expect(told[index + 1]).toMatch(subject);
        expect(told[index + 1]!.length).toBeLessThanOrEqual(72);
      }
      // The body is the review on a screen with trailers; the commit holds the output tree and nothing else.
      const body = git('log', '-1', '--format=%B').trim().split('\n');
      expect(body.length).toBeLessThan(60);
      for (const target of Object.keys(await everyTarget()))
        expect(
          body.some((line) => line.startsWith(`  ${target} `)),
          target,
        ).toBe(true);
      expect(git('log', '-1', '--format=%(trailers:key=Azure-File-Date,valueonly)').trim()).toMatch(
        /^\d{4}-\d\d-\d\d$/,
      );
      for (const commit of ['HEAD', 'HEAD~1']) {
        const changed = git('show', '--format=', '--name-only', commit).trim().split('\n');
        expect(changed.filter((path) => !path.startsWith('allowlists/'))).toEqual([]);
      }
      expect(git('ls-tree', '-r', '--name-only', 'HEAD', 'allowlists').trim().split('\n')).toEqual(
        [...before.keys()].map((path) => `allowlists/${path}`),
      );
    });
  });

describe.skipIf(lacks('git'))('the schedule', () => {
  it('runs every second, one run at a time, and stops on SIGTERM with status 0', async () => {
    const { folder, git } = repository();
    const configuration = writeConfiguration(
      workplace(),
      sampleConfiguration({ publish: { git: true }, schedule: { cron: '* * * * * *' } }),
    );
    const { child, ended } = start(
      ['schedule', '-c', configuration, '-o', 'allowlists', '--feed', SAMPLE_WEEKS[0]],
      { cwd: folder },
    );
    // Two results on standard output, then the signal; `start` bounds the time.
    let lines = 0;
    child.stdout?.on('data', (text: string) => {
      lines += text.split('\n').length - 1;
      if (lines >= 2) child.kill('SIGTERM');
    });
    const { status, stdout, stderr } = await ended;
    expect(status, stderr).toBe(0);
    const [first, second] = stdout.split('\n');
    expect(first).toMatch(/^published: .* \([0-9a-f]{12}\)$/);
    expect(second).toMatch(/^unchanged: /);
    expect(stderr).toContain('SIGTERM: stopping');
    expect(git('log', '--format=%s').trim().split('\n')).toHaveLength(2);
    expect(git('status', '--porcelain')).toBe(UNRELATED);
  });

  it('answers health and metrics, goes on after SIGHUP with a broken configuration, and takes a mended one', async () => {
    const folder = workplace();
    const write = (schedule: object) =>
      writeConfiguration(folder, sampleConfiguration({ targets: { iptables: {} }, schedule }));
    write({ cron: '* * * * * *' });
    const { child, ended } = start(
      ['schedule', '--feed', SAMPLE_WEEKS[0], '--at-start', '--listen', '127.0.0.1:0', '--log', 'json'],
      { cwd: folder },
    );
    const lines: { level: number; kind: string; msg: string }[] = [];
    let rest = '';
    child.stdout!.on('data', (text: string) => {
      const parts = `${rest}${text}`.split('\n');
      rest = parts.pop()!;
      lines.push(...parts.map((line) => JSON.parse(line)));
    });
    const said = async (pattern: RegExp) => {
      for (let tries = 0; tries < 200; tries++) {
        const found = lines.find(({ msg }) => pattern.test(msg));
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`not said: ${pattern}\n${JSON.stringify(lines)}`);
    };
    const { msg } = await said(/health and metrics at/);
    const origin = /http:\S+/.exec(msg)![0];
    expect(await said(/^published: /)).toMatchObject({ kind: 'result', level: 30 });
    await said(/^unchanged: /);
    const metrics = await (await fetch(`${origin}/metrics`)).text();
    expect(metrics).toContain('azure_allowlist_runs_total{outcome="published"} 1\n');
    expect(metrics).toContain('azure_allowlist_ipv4_addresses{target="iptables"} 36124\n');
    writeFileSync(join(folder, 'allowlist.yaml'), 'version: [');
    child.kill('SIGHUP');
    await said(/^SIGHUP: the schedule goes on with what it had/);
    await said(/^the run of .* failed: exit 5/);
    expect((await fetch(`${origin}/readyz`)).status).toBe(503);
    write({ cron: '*/2 * * * * *' });
    child.kill('SIGHUP');
    await said(/^SIGHUP: the configuration was read again/);
    const { length } = lines;
    for (let tries = 0; tries < 100 && !lines.slice(length).some(({ kind }) => kind === 'result'); tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
    child.kill('SIGTERM');
    expect((await ended).status).toBe(0);
  });
});
