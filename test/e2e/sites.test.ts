import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { githubServer } from '../forge/github-server.ts';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, start, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';
import { gitIn } from './git-in.ts';

const [ONE, TWO] = SAMPLE_WEEKS;
const CHANGE = 'azure-allowlist/update';
const PATTERN = 'sites/*/allowlist.yaml';

/** A bare repository, and a clone of it with three sites that go on from one base. */
function repository(git: object | boolean) {
  const bareFolder = workplace();
  const folder = workplace();
  const bare = gitIn(bareFolder);
  const clone = gitIn(folder);
  bare('init', '--quiet', '--bare', '--initial-branch=main');
  clone('init', '--quiet', '--initial-branch=main');
  clone('config', 'user.name', 'A Job');
  clone('config', 'user.email', 'job@example.com');
  clone('remote', 'add', 'origin', bareFolder);
  writeConfiguration(folder, sampleConfiguration({ targets: { squid: {}, iptables: {} }, publish: { git } }));
  for (const [name, more] of Object.entries({
    berlin: {},
    paris: {},
    rome: { targets: { iptables: false } },
  })) {
    mkdirSync(join(folder, 'sites', name), { recursive: true });
    writeConfiguration(join(folder, 'sites', name), { extends: '../../allowlist.yaml', ...more });
  }
  writeFileSync(join(folder, '.gitignore'), '.cache/\n');
  clone('add', '.');
  clone('commit', '--quiet', '-m', 'Begin');
  clone('push', '--quiet', 'origin', 'main');
  const run = (week: string, ...flags: string[]) =>
    azureAllowlist(['run', '-c', PATTERN, '--feed', week, ...flags], {
      cwd: folder,
      environment: { FORGE_TOKEN: 'tok-0123456789' },
    });
  return { bare, bareFolder, folder, clone, run };
}

describe.skipIf(lacks('git'))('docs/sites.md', () => {
  it('shows the commit that its own configurations make of the sample', async () => {
    const text = readFileSync(new URL('../../docs/sites.md', import.meta.url), 'utf8');
    const [base, plain, rome] = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml!);
    const folder = workplace();
    const files = {
      'base.yaml': base,
      ...Object.fromEntries(
        [
          ['berlin', plain],
          ['paris', plain],
          ['rome', rome],
        ].map(([name, yaml]) => [`sites/${name}/allowlist.yaml`, yaml]),
      ),
    };
    for (const [path, yaml] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), yaml!);
    }
    const git = gitIn(folder);
    git('init', '--quiet', '--initial-branch=main');
    git('config', 'user.name', 'A Job');
    git('config', 'user.email', 'job@example.com');
    git('add', 'base.yaml', 'sites');
    git('commit', '--quiet', '-m', 'Begin');
    for (const week of SAMPLE_WEEKS) {
      const { status, stderr } = await azureAllowlist(['run', '-c', PATTERN, '--feed', week], {
        cwd: folder,
      });
      expect(status, stderr).toBe(0);
    }
    const [, shown] = /```text\n([\s\S]*?)```/.exec(text)!;
    expect(git('log', '-1', '--format=%B')).toBe(shown!.trim());
  });
});

describe.skipIf(lacks('git'))('many sites', () => {
  it('are one pull request, with one review in which those that change alike stand together', async () => {
    const forge = githubServer();
    const server = await forge.server;
    const { run, bare, clone } = repository({
      pullRequest: {
        forge: 'github',
        api: server.origin,
        project: 'net/rules',
        token: { environment: 'FORGE_TOKEN' },
      },
    });
    const begin = clone('rev-parse', 'HEAD');
    const first = await run(ONE);
    expect(first.status, first.stderr).toBe(0);
    expect(first.stdout).toMatch(/3 sites: 3 proposed; #7 opened: https:\S+\.\n$/);
    expect(clone('rev-parse', 'HEAD')).toBe(begin);
    expect(clone('status', '--porcelain')).toBe('');
    expect(bare('rev-list', `main..${CHANGE}`).split('\n')).toHaveLength(1);
    for (const name of ['berlin', 'paris', 'rome'])
      expect(bare('show', `${CHANGE}:sites/${name}/allowlists/REVIEW.md`)).toContain('First run');
    expect(forge.pulls).toHaveLength(1);
    const { title, body, labels } = forge.pulls[0]!;
    expect(title).toBe('Azure allowlist of 2026-01-05: 3 sites change in 2 ways');
    expect(body).toContain('`sites/berlin and sites/paris (2 sites)`');
    expect(String(body).match(/^## `sites\//gm)).toHaveLength(2);
    expect(labels).toEqual([{ name: 'look' }]);

    const again = await run(ONE);
    expect(again.stdout).toMatch(/#7 is open/);
    const next = await run(TWO);
    expect(next.status, next.stderr).toBe(0);
    expect(next.stdout).toMatch(/#7 updated/);
    expect(forge.pulls[0]!.title).toContain('2026-01-12');
  });

  it('tell what was refused in one issue, with the command that accepts it for these sites alone', async () => {
    const forge = githubServer();
    const server = await forge.server;
    const { run, folder } = repository({
      pullRequest: {
        forge: 'github',
        api: server.origin,
        project: 'net/rules',
        token: { environment: 'FORGE_TOKEN' },
      },
    });
    writeConfiguration(join(folder, 'sites/rome'), {
      extends: '../../allowlist.yaml',
      targets: { iptables: false },
      guards: { 'special-use': { allow: ['192.0.2.0/24'] } },
    });
    const { status, stdout, stderr } = await run(ONE);
    expect(status).toBe(3);
    expect(stdout).toMatch(/3 sites: 2 proposed, 1 refused; #7 opened/);
    expect(stderr).toMatch(/sites\/rome: .*special-use/s);
    expect(forge.issues).toHaveLength(1);
    expect(forge.issues[0]!.body).toContain(
      "azure-allowlist run -c 'sites/*/allowlist.yaml' --only sites/rome --accept feed-absurd,special-use",
    );
  });

  it('make their commit anew upon what somebody else has pushed', async () => {
    const { run, bare, bareFolder, clone } = repository({ push: true });
    expect((await run(ONE)).status).toBe(0);
    const other = workplace();
    const colleague = gitIn(other);
    colleague('clone', '--quiet', bareFolder, '.');
    writeFileSync(join(other, 'notes.md'), 'theirs\n');
    colleague('add', '.');
    colleague('commit', '--quiet', '-m', 'Notes');
    colleague('push', '--quiet');
    const next = await run(TWO);
    expect(next.status, next.stderr).toBe(0);
    expect(next.stderr).toContain('somebody else has pushed');
    const subjects = bare('log', '--format=%s', 'main').split('\n');
    expect(subjects.slice(1, 2)).toEqual(['Notes']);
    expect(subjects[0]).toContain('3 sites change');
    expect(clone('rev-parse', 'HEAD')).toBe(bare('rev-parse', 'main'));
    expect(next.stdout).toContain(bare('rev-parse', '--short=12', 'main'));
    expect(clone('status', '--porcelain')).toBe('');
  });
});

describe.skipIf(lacks('git'))('many sites whose repository does not take their commit', () => {
  const REFUSALS = {
    'remote: GH006: Protected branch update failed for refs/heads/main.': 'publish.git.pullRequest',
    'GitLab: You are not allowed to push code to protected branches on this project.':
      'publish.git.pullRequest',
    'VS402: TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch.':
      'publish.git.pullRequest',
    'the disk is full': 'look at the address and the rights',
  };

  it.each(Object.entries(REFUSALS))('say so and have failed: %s', async (words, next) => {
    const { run, bare, bareFolder, clone } = repository({ push: true });
    const hook = join(bareFolder, 'hooks/pre-receive');
    writeFileSync(hook, `#!/bin/sh\necho '${words}' >&2\nexit 1\n`, { mode: 0o755 });
    const refused = await run(ONE);
    expect(refused.status).toBe(1);
    expect(refused.stdout).toMatch(/3 sites: 3 failed; committed as [0-9a-f]{12} on main/);
    expect(refused.stderr).toContain('the commit stands here, but origin did not take it');
    expect(refused.stderr).toContain(words);
    expect(refused.stderr).toContain(next);
    expect(clone('status', '--porcelain')).toBe('');
    // It waits, and no run takes it for pushed.
    const again = await run(ONE);
    expect([again.status, again.stdout]).toEqual([1, '3 sites: 3 failed.\n']);
    writeFileSync(hook, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const last = await run(ONE);
    expect([last.status, last.stdout]).toEqual([0, '3 sites: 3 unchanged.\n']);
    expect(bare('rev-parse', 'main')).toBe(clone('rev-parse', 'HEAD'));
  });
});

describe.skipIf(lacks('git'))('many sites on a schedule', () => {
  it('run together when it is due, and are watched one by one', async () => {
    const { folder, clone } = repository(true);
    writeConfiguration(join(folder, 'sites/rome'), {
      extends: '../../allowlist.yaml',
      guards: { 'special-use': { allow: ['192.0.2.0/24'] } },
    });
    const args = ['schedule', '-c', PATTERN, '--feed', ONE, '--cron', '0 0 1 1 *', '--at-start'];
    const { child, ended } = start([...args, '--listen', '127.0.0.1:0', '--log', 'json', '--workers', '2'], {
      cwd: folder,
    });
    let said = '';
    const origin = await new Promise<string>((done, fail) => {
      child.stdout!.on('data', (text: string) => {
        said += text;
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
        if (found !== null && said.includes('rome failed: ')) done(found[0]);
      });
      child.on('close', () => fail(new Error(said)));
    });
    expect(said).toMatch(
      /"kind":"result","msg":"3 sites: 2 published, 1 refused; committed as [0-9a-f]{12} on main"/,
    );
    expect(said).toMatch(/"kind":"failure","msg":"sites\/rome failed: refused by /);
    const metrics = await (await fetch(`${origin}/metrics`)).text();
    for (const line of [
      'azure_allowlist_runs_total{outcome="published",site="sites/berlin"} 1',
      'azure_allowlist_runs_total{outcome="refused",site="sites/rome"} 1',
      'azure_allowlist_last_exit_status 3',
      'azure_allowlist_changes_total{target="squid",site="sites/paris"} 1',
    ])
      expect(metrics.split('\n')).toContain(line);
    expect(metrics).toMatch(
      /^azure_allowlist_ipv4_addresses\{target="iptables",site="sites\/paris"\} [1-9]\d+$/m,
    );
    expect((await fetch(`${origin}/readyz`)).status).toBe(503);
    child.kill('SIGTERM');
    expect((await ended).status).toBe(0);
    expect(clone('rev-list', '--count', 'HEAD')).toBe('2');
  });

  it('need one schedule', async () => {
    const { folder } = repository(true);
    for (const [name, cron] of [
      ['berlin', '0 6 * * 2'],
      ['paris', '0 7 * * 2'],
    ] as const)
      writeConfiguration(join(folder, 'sites', name), {
        extends: '../../allowlist.yaml',
        schedule: { cron },
      });
    const { status, stderr } = await azureAllowlist(['schedule', '-c', PATTERN], { cwd: folder });
    expect(status).toBe(5);
    expect(stderr).toMatch(/the sites have different schedules\n {2}sites\/berlin and sites\/paris: /);
  });
});
