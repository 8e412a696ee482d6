import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTree } from '../publish/trees.ts';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;
const NAMES_ONLY = { squid: {}, paloalto: {} };

/** A repository with a configuration, and the week in force committed by a run. */
async function published(targets: object = NAMES_ONLY, feed: string = ONE) {
  const folder = workplace();
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: 30_000,
      stdio: ['ignore', 'pipe', 'pipe'],
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
  writeConfiguration(folder, sampleConfiguration({ targets, publish: { git: true } }));
  const run = (week: string, ...flags: string[]) =>
    azureAllowlist(['run', '--feed', week, ...flags], { cwd: folder });
  const first = await run(feed);
  expect(first.status, first.stderr).toBe(0);
  const out = join(folder, 'allowlists');
  const subjects = () => git('log', '--format=%s').trim().split('\n');
  return { folder, git, run, out, subjects };
}

describe.skipIf(lacks('git'))('what is in force', () => {
  it('is what was committed: a removed output is compared with HEAD, and an older feed is refused', async () => {
    const { run, out, subjects } = await published(NAMES_ONLY, TWO);
    const before = readTree(out);
    rmSync(out, { recursive: true });
    const older = await run(ONE);
    expect(older.status).toBe(3);
    expect(older.stderr).toContain('feed-rollback');
    expect(existsSync(out)).toBe(false);
    const same = await run(TWO);
    expect(same.status, same.stderr).toBe(0);
    expect(same.stdout).not.toContain('First run');
    expect(readTree(out)).toEqual(before);
    expect(subjects()).toHaveLength(1);
  });

  it('is not a first run where only the lock is missing: that is refused, with the way out', async () => {
    const { git, run, out } = await published();
    git('rm', '-q', 'allowlists/allowlist.lock.json');
    git('commit', '-qm', 'Lose the lock');
    const before = readTree(out);
    const { status, stderr } = await run(TWO);
    expect(status).toBe(1);
    expect(stderr).toMatch(/allowlist\.lock\.json is missing, but rule files are there/);
    expect(stderr).toContain('restore the lock from the repository');
    expect(readTree(out)).toEqual(before);
  });

  it('tells an edit in the working tree as drift, takes it away and commits nothing', async () => {
    const { git, run, out, subjects } = await published();
    appendFileSync(join(out, 'squid/storage-weu-ipv4.txt'), '9.9.9.9/32\n');
    const { status, stdout, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('Drift');
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'edited (in the working tree): squid/storage-weu-ipv4.txt — squid lets 9.9.9.9/32 (port 443) through; the run takes it away',
    );
    expect(stdout).toContain('Verdict: Look');
    expect(git('status', '--porcelain', 'allowlists')).toBe('');
    expect(subjects()).toHaveLength(1);
  });

  it('tells an edit that was committed as drift, with a subject that says what devices lose', async () => {
    const { git, run, out, subjects } = await published();
    const list = join(out, 'squid/storage-weu-ipv4.txt');
    appendFileSync(list, '9.9.9.9/32\n');
    git('commit', '-qam', 'By hand');
    const { status, stdout, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'squid lets 9.9.9.9/32 (port 443) through; the run takes it away',
    );
    // 64 addresses leave with the week, and the one by hand.
    expect(stdout).toMatch(/squid \+128 −65 IPv4/);
    expect(stdout).toMatch(/paloalto \+128 −64 IPv4/);
    expect(subjects()[0]).toMatch(/^Azure allowlist of 2026-01-12: \+128 -65 IPv4/);
    expect(readFileSync(list, 'utf8')).not.toContain('9.9.9.9');
  });

  it('says which file of a target cannot be read, and puts it right', async () => {
    const { git, run, out } = await published();
    writeFileSync(join(out, 'squid/azure-allow.conf'), 'http_access allow all\n');
    git('commit', '-qam', 'By hand');
    const { status, stdout } = await run(ONE);
    expect(status).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/squid not known: what is in force cannot be read/);
    expect(readFileSync(join(out, 'squid/azure-allow.conf'), 'utf8')).not.toContain('allow all');
  });

  it('stays HEAD after a run that wrote and could not commit: the next one reviews against it and commits', async () => {
    const { folder, run, out, subjects } = await published();
    const hook = join(folder, '.git/hooks/pre-commit');
    writeFileSync(hook, '#!/bin/sh\necho no >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    const failed = await run(TWO);
    expect(failed.status).toBe(1);
    rmSync(hook);
    expect(readTree(out).get('squid/storage-weu-ipv4.txt')).toBeDefined();
    const { status, stdout, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(stdout).not.toContain('Drift');
    expect(stdout).toMatch(/squid \+128 −64 IPv4, \+65,536 \/64 \(storage-weu\)/);
    expect(subjects()[0]).toBe('Azure allowlist of 2026-01-12: +128 -64 IPv4, +65,536/64 IPv6');
  });
});

describe.skipIf(lacks('git'))('a week that no device sees', () => {
  /** The second week with another prefix in AzureCloud, which both targets let through by name. */
  function quietWeek(folder: string): string {
    const document = JSON.parse(readFileSync(ONE, 'utf8'));
    document.changeNumber += 7;
    const cloud = document.values.find(({ name }: { name: string }) => name === 'AzureCloud');
    cloud.properties.addressPrefixes.push('203.0.113.240/28');
    const file = join(folder, 'ServiceTags_Public_20260119.json');
    writeFileSync(file, JSON.stringify(document));
    return file;
  }

  it('changes no byte, makes no commit, and is told in one line', async () => {
    const { folder, run, out, subjects } = await published();
    const before = readTree(out);
    const { status, stdout } = await run(quietWeek(folder));
    expect(status).toBe(0);
    expect(stdout.trim()).toBe('Nothing changes on any device; allowlists stands as it is.');
    expect(readTree(out)).toEqual(before);
    expect(subjects()).toHaveLength(1);
    const dry = await run(quietWeek(folder), '--dry-run', '--detailed-exitcode');
    expect(dry.status).toBe(0);
  });

  it('keeps tags that no target uses out of the snapshot and the guards, and says so in the review', async () => {
    const { folder, run, out } = await published();
    const names = [...readTree(out).keys()].filter((path) => path.startsWith('snapshot/'));
    expect(names).toEqual(['snapshot/Storage.WestEurope.txt']);
    const document = JSON.parse(readFileSync(ONE, 'utf8'));
    document.changeNumber += 7;
    document.values = document.values.filter(({ name }: { name: string }) => name !== 'AzureActiveDirectory');
    const file = join(folder, 'ServiceTags_Public_20260119.json');
    writeFileSync(file, JSON.stringify(document));
    expect((await run(file)).status).toBe(0);
    expect(readFileSync(join(out, 'REVIEW.md'), 'utf8')).toContain('used by no target');
  });

  it('is seen by a target that writes the addresses', async () => {
    const { folder, run } = await published({ squid: {}, iptables: {} });
    const { stdout } = await run(quietWeek(folder));
    expect(stdout).toMatch(/squid no change/);
    expect(stdout).toMatch(/iptables \+8 IPv4 \(connector\)/);
  });
});
