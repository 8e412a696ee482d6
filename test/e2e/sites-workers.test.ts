import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, start, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';
import { gitIn } from './git-in.ts';

const [ONE, TWO] = SAMPLE_WEEKS;
const PATTERN = 'sites/*/allowlist.yaml';
const ENDING = pathToFileURL(fileURLToPath(new URL('./ending-thread.mjs', import.meta.url))).href;

const KINDS = [{}, { targets: { iptables: false } }, { targets: { squid: false, nftables: {} } }];

/** A repository of twelve sites of three kinds; one is refused, one is configured wrong. */
function sites() {
  const folder = workplace();
  const git = gitIn(folder);
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'user.name', 'A Job');
  git('config', 'user.email', 'job@example.com');
  const base = sampleConfiguration({ targets: { squid: {}, iptables: {} }, publish: { git: true } });
  writeConfiguration(folder, base);
  for (let index = 0; index < 12; index++) {
    const site = join(folder, 'sites', String(index).padStart(2, '0'));
    mkdirSync(site, { recursive: true });
    writeConfiguration(site, {
      extends: '../../allowlist.yaml',
      ...KINDS[index % KINDS.length],
      ...(index === 10 ? { require: [{ addresses: ['192.0.2.250'], ports: [443] }] } : {}),
      ...(index === 11 ? { outptu: 'x' } : {}),
    });
  }
  writeFileSync(join(folder, '.gitignore'), '.cache/\n');
  git('add', '.');
  git('commit', '--quiet', '-m', 'Begin');
  const run = (week: string, workers: number, environment: Readonly<Record<string, string>> = {}) =>
    azureAllowlist(['run', '-c', PATTERN, '--feed', week, '--workers', `${workers}`], {
      cwd: folder,
      environment,
    });
  return { folder, git, run };
}

describe.skipIf(lacks('git'))('many sites in several threads', () => {
  it('write and say what one thread does, in the same order, week after week', async () => {
    const one = sites();
    const three = sites();
    for (const week of [ONE, TWO, TWO]) {
      const [alone, together] = [await one.run(week, 1), await three.run(week, 3)];
      expect(together.status, together.stderr).toBe(alone.status);
      expect(alone.status).toBe(3);
      // The commits differ in their time alone.
      const said = ({ stdout, stderr }: typeof alone, folder: string) =>
        `${stdout}${stderr}`.replaceAll(/committed as [0-9a-f]{12}/g, '').replaceAll(folder, 'HERE');
      expect(said(together, three.folder)).toBe(said(alone, one.folder));
      expect(three.git('rev-parse', 'HEAD^{tree}')).toBe(one.git('rev-parse', 'HEAD^{tree}'));
      expect(three.git('log', '--format=%B')).toBe(one.git('log', '--format=%B'));
    }
    expect(three.git('rev-list', '--count', 'HEAD')).toBe('3');
  });

  it('lose the site alone whose thread ends, which is named', async () => {
    const { run, git, folder } = sites();
    const { status, stdout, stderr } = await run(ONE, 2, {
      NODE_OPTIONS: `--import ${ENDING}`,
      SITE_TO_END: 'sites/04',
    });
    expect(status).toBe(3);
    expect(stdout).toMatch(/12 sites: 9 published, 1 refused, 2 failed; committed as [0-9a-f]{12} on main/);
    expect(stderr).toMatch(
      /sites\/04: the thread that planned this site has ended\n {2}sites\/04: exit 7 — /,
    );
    expect(existsSync(join(folder, 'sites/04/allowlists'))).toBe(false);
    expect(git('status', '--porcelain')).toBe('');
    // The next run makes up for it.
    expect((await run(ONE, 2)).stdout).toMatch(/12 sites: 1 published, 9 unchanged, 1 refused, 1 failed;/);
  });

  it('leave whole trees and nothing running where the run is ended', async () => {
    const { folder, git, run } = sites();
    const args = ['run', '-c', PATTERN, '--feed', ONE, '--workers', '3'];
    const { child, ended } = start(args, { cwd: folder });
    while (!existsSync(join(folder, 'sites/03/allowlists')) && child.exitCode === null) await sleep(5);
    child.kill('SIGTERM');
    const { status } = await ended;
    expect(status).not.toBe(0);
    for (const name of readdirSync(join(folder, 'sites'))) {
      const tree = join(folder, 'sites', name, 'allowlists');
      if (!existsSync(tree)) continue;
      const verified = await azureAllowlist(['verify', tree], { cwd: folder });
      expect(verified.status, verified.stderr).toBe(0);
    }
    const again = await run(ONE, 3);
    expect(again.stdout, again.stderr).toMatch(/12 sites: 10 published, 1 refused, 1 failed; committed as/);
    expect(git('status', '--porcelain')).toBe('');
  });

  it('are refused a number of threads that is none', async () => {
    const { folder } = sites();
    for (const wrong of ['0', '65', 'many']) {
      const args = ['run', '-c', PATTERN, '--feed', ONE, '--workers', wrong];
      const { status, stderr } = await azureAllowlist(args, { cwd: folder });
      expect(status).toBe(5);
      expect(stderr).toContain('a number of threads from 1 to 64 is needed');
    }
  });
});
