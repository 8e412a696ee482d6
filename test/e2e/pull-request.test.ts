import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { githubServer } from '../forge/github-server.ts';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';
import { gitIn } from './git-in.ts';

const [ONE, TWO] = SAMPLE_WEEKS;
const TOKEN = 'tok-0123456789';
const CHANGE = 'azure-allowlist/update';
/** In the first week of the sample, alone in its neighbourhood. */
const SMALL = '192.0.2.160/29';

/** A bare repository, and a clone of it with a configuration that is committed. */
function repository(git: object) {
  const bare = workplace();
  const folder = workplace();
  gitIn(bare)('init', '--quiet', '--bare', '--initial-branch=main');
  const clone = gitIn(folder);
  clone('init', '--quiet', '--initial-branch=main');
  clone('config', 'user.name', 'A Job');
  clone('config', 'user.email', 'job@example.com');
  clone('remote', 'add', 'origin', bare);
  writeConfiguration(folder, sampleConfiguration({ targets: { squid: {}, iptables: {} }, publish: { git } }));
  writeFileSync(join(folder, '.gitignore'), '.cache/\n');
  mkdirSync(join(folder, 'docs'));
  writeFileSync(join(folder, 'docs/notes.md'), 'ours\n');
  clone('add', '.');
  clone('commit', '--quiet', '-m', 'Begin');
  clone('push', '--quiet', 'origin', 'main');
  const run = (week: string, ...flags: string[]) =>
    azureAllowlist(['run', '--feed', week, ...flags], {
      cwd: folder,
      environment: { FORGE_TOKEN: TOKEN },
    });
  return { bare: gitIn(bare), bareFolder: bare, folder, clone, run };
}

async function proposing(more: object = {}) {
  const forge = githubServer();
  const server = await forge.server;
  const place = repository({
    pullRequest: {
      forge: 'github',
      api: server.origin,
      project: 'net/rules',
      token: { environment: 'FORGE_TOKEN' },
      ...more,
    },
  });
  return { ...place, ...forge, server };
}

describe.skipIf(lacks('git'))('a change that people approve', () => {
  it('is opened, stands, is updated in place, and is silent once it is merged', async () => {
    const { run, bare, clone, folder, pulls, server } = await proposing({ reviewers: ['ann'] });
    appendFileSync(join(folder, 'docs/notes.md'), 'not yet committed\n');
    const begin = clone('rev-parse', 'HEAD');

    const first = await run(ONE);
    expect(first.status, first.stderr).toBe(0);
    expect(first.stdout).toContain('#7 opened: https://github.example/net/rules/pull/7');
    // What is checked out is as it was.
    expect(clone('rev-parse', 'HEAD')).toBe(begin);
    expect(clone('status', '--porcelain')).toBe('M docs/notes.md');
    expect(existsSync(join(folder, 'allowlists'))).toBe(false);
    expect(clone('worktree', 'list').split('\n')).toHaveLength(1);
    // One commit upon the base, with the whole tree and nothing else.
    expect(bare('rev-list', `main..${CHANGE}`).split('\n')).toHaveLength(1);
    expect(
      bare('diff', '--name-only', 'main', CHANGE)
        .split('\n')
        .filter((path) => !path.startsWith('allowlists/')),
    ).toEqual([]);
    const review = bare('show', `${CHANGE}:allowlists/REVIEW.md`);
    expect(pulls).toHaveLength(1);
    expect(pulls[0]).toMatchObject({ head: CHANGE, base: 'main', draft: false });
    expect(String(pulls[0]!.body).trim()).toBe(review.trim());
    expect(String(pulls[0]!.title)).toBe(bare('log', '-1', '--format=%s', CHANGE));
    expect(pulls[0]!.labels).toEqual([{ name: 'look' }]);
    expect(server.changes()).toContain('POST /repos/net/rules/pulls/7/requested_reviewers');

    const head = bare('rev-parse', CHANGE);
    const again = await run(ONE);
    expect(again.status, again.stderr).toBe(0);
    expect(again.stdout).toContain('#7 is open with this change');
    expect(bare('rev-parse', CHANGE)).toBe(head);

    const next = await run(TWO);
    expect(next.status, next.stderr).toBe(0);
    expect(next.stdout).toContain('#7 updated');
    expect(pulls).toHaveLength(1);
    expect(bare('rev-list', `main..${CHANGE}`).split('\n')).toHaveLength(1);
    expect(String(pulls[0]!.title)).toContain('2026-01-12');

    // A squash merge: the commits of the branch never get into main.
    clone('fetch', '--quiet', 'origin', CHANGE);
    clone('merge', '--quiet', '--squash', 'FETCH_HEAD');
    clone('commit', '--quiet', '-m', 'Azure ranges (#7)');
    clone('push', '--quiet', 'origin', 'main');
    const merged = await run(TWO);
    expect(merged.status, merged.stderr).toBe(0);
    expect(merged.stdout).toContain('nothing changes on any device');
    expect(merged.stderr).not.toContain('close it');
  });

  it('is not overwritten where people have added to it', async () => {
    const { run, bare, bareFolder, pulls } = await proposing();
    expect((await run(ONE)).status).toBe(0);
    const other = workplace();
    const colleague = gitIn(other);
    colleague('clone', '--quiet', '--branch', CHANGE, bareFolder, '.');
    appendFileSync(join(other, 'allowlists/squid/storage-weu-ipv4.txt'), '192.0.2.200/32\n');
    colleague('commit', '--quiet', '-am', 'Let the printer through');
    colleague('push', '--quiet');
    const head = bare('rev-parse', CHANGE);
    const title = pulls[0]!.title;
    const { status, stderr } = await run(TWO);
    expect(status).toBe(1);
    expect(stderr).toContain('people have added commits to the open change; it was left as it is');
    expect(stderr).toContain('Let the printer through (A Colleague)');
    expect(bare('rev-parse', CHANGE)).toBe(head);
    expect(pulls[0]!.title).toBe(title);
  });

  it('says where an open change would bring an older state back', async () => {
    const { run, clone } = await proposing();
    expect((await run(ONE)).status).toBe(0);
    clone('fetch', '--quiet', 'origin', CHANGE);
    clone('merge', '--quiet', '--ff-only', 'FETCH_HEAD');
    expect((await run(TWO)).stdout).toContain('#7 updated');
    const { status, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/holds another state than the one in force.*close it/s);
  });

  it('tells a refused week as an issue, once', async () => {
    const { run, clone, issues, pulls, folder } = await proposing();
    expect((await run(ONE)).status).toBe(0);
    clone('fetch', '--quiet', 'origin', CHANGE);
    clone('merge', '--quiet', '--ff-only', 'FETCH_HEAD');
    const week = JSON.parse(readFileSync(TWO, 'utf8'));
    for (const value of week.values)
      if (value.name === 'Storage.WestEurope') value.properties.addressPrefixes = ['198.19.1.0/24'];
    const poisoned = join(folder, 'ServiceTags_Public_20260112.json');
    writeFileSync(poisoned, JSON.stringify(week));
    const { status, stderr } = await run(poisoned);
    expect(status).toBe(3);
    expect(stderr).toContain('#9 opened');
    expect(issues).toHaveLength(1);
    expect(issues[0]!.body).toContain('azure-allowlist run -c allowlist.yaml --accept tag-shrink');
    expect((await run(poisoned)).stderr).toContain('#9 unchanged');
    // Accepted, it is a draft: nobody merges it by mistake.
    const accepted = await run(poisoned, '--accept', 'tag-shrink');
    expect(accepted.status, accepted.stderr).toBe(0);
    expect(pulls[0]!.draft).toBe(true);
    expect(pulls[0]!.labels).toEqual(expect.arrayContaining([{ name: 'accepted-guard' }, { name: 'look' }]));
  });

  it('has the labels of the configuration beside those of the verdict', async () => {
    const { run, pulls } = await proposing({ labels: ['network'] });
    const { status, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    expect(pulls[0]!.labels).toEqual([{ name: 'look' }, { name: 'network' }]);
  });

  it.each([
    [{ token: { environment: 'NO_SUCH_TOKEN' } }, 5, /NO_SUCH_TOKEN/],
    [{ forge: undefined, api: undefined, project: undefined }, 5, /publish\.git\.pullRequest\.forge/],
    [{ api: 'http://127.0.0.1:9' }, 1, /127\.0\.0\.1:9/],
  ])('ends with a clear message where the forge cannot be asked: %j', async (more, expected, message) => {
    const { run } = await proposing(more);
    const { status, stderr } = await run(ONE);
    expect(status).toBe(expected);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain(TOKEN);
  });
});

describe.skipIf(lacks('git'))('publish.when: routine', () => {
  const calm = {
    rules: [{ name: 'azure', serviceTags: ['AzureCloud'], ports: [443] }],
    targets: { iptables: {} },
  };
  const configured = (folder: string, git: object) =>
    writeConfiguration(folder, sampleConfiguration({ ...calm, publish: { when: 'routine', git } }));

  it('proposes what asks for a look, and commits and pushes a routine week', async () => {
    const { run, bare, clone, folder, pulls, server } = await proposing();
    const settings = {
      push: true,
      pullRequest: {
        forge: 'github',
        api: server.origin,
        project: 'net/rules',
        token: { environment: 'FORGE_TOKEN' },
      },
    };
    configured(folder, settings);
    clone('commit', '--quiet', '-am', 'Configure');
    clone('push', '--quiet', 'origin', 'main');
    // A first run is one to look at.
    expect((await run(ONE)).stdout).toContain('#7 opened');
    clone('fetch', '--quiet', 'origin', CHANGE);
    clone('merge', '--quiet', '--ff-only', 'FETCH_HEAD');
    clone('push', '--quiet', 'origin', 'main');
    const title = pulls[0]!.title;
    const week = JSON.parse(readFileSync(TWO, 'utf8'));
    // Last week's, but for eight addresses of thousands.
    const before = JSON.parse(readFileSync(ONE, 'utf8'));
    week.values = before.values;
    for (const { properties } of week.values)
      properties.addressPrefixes = properties.addressPrefixes.filter((prefix: string) => prefix !== SMALL);
    const routine = join(folder, 'ServiceTags_Public_20260112.json');
    writeFileSync(routine, JSON.stringify(week));
    const { status, stdout, stderr } = await run(routine);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('Verdict: Routine');
    expect(stdout).toContain('committed as');
    expect(bare('log', '-1', '--format=%s', 'main')).toContain('2026-01-12');
    expect(pulls[0]!.title).toBe(title);
  });

  it('writes nothing where nobody can be asked, and says so with exit status 2', async () => {
    const { run, folder, clone } = repository({});
    configured(folder, {});
    const { status, stdout, stderr } = await run(ONE);
    expect(status, stderr).toBe(2);
    expect(stdout).toContain('Review required');
    expect(existsSync(join(folder, 'allowlists'))).toBe(false);
    expect(clone('log', '--format=%s')).toBe('Begin');
    expect(JSON.parse((await run(ONE, '--json')).stdout).outcome).toBe('held');
  });
});

describe.skipIf(lacks('git'))('a push that somebody else was faster than', () => {
  it('is made anew upon theirs: both changes are there, and nothing else is touched', async () => {
    const { run, bare, bareFolder, clone, folder } = repository({ push: true });
    expect((await run(ONE)).status).toBe(0);
    const other = workplace();
    const colleague = gitIn(other);
    colleague('clone', '--quiet', bareFolder, '.');
    writeFileSync(join(other, 'docs/theirs.md'), 'theirs\n');
    colleague('add', '.');
    colleague('commit', '--quiet', '-m', 'Something of theirs');
    colleague('push', '--quiet');
    appendFileSync(join(folder, 'docs/notes.md'), 'not yet committed\n');
    writeFileSync(join(folder, 'docs/staged.md'), 'staged\n');
    clone('add', 'docs/staged.md');

    const { status, stdout, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/somebody else has pushed; compared with [0-9a-f]{12} anew/);
    expect(stdout).toContain('committed as');
    expect(bare('log', '--format=%an', 'main').split('\n')).toEqual([
      'A Job',
      'A Colleague',
      'A Job',
      'A Colleague',
    ]);
    expect(bare('show', 'main:docs/theirs.md')).toBe('theirs');
    expect(clone('rev-parse', 'HEAD')).toBe(bare('rev-parse', 'main'));
    expect(clone('status', '--porcelain')).toBe('M docs/notes.md\nA  docs/staged.md');
    expect((await run(TWO)).stdout).toContain('nothing changes on any device');
  });

  it('commits nothing where they have published the same week', async () => {
    const { run, bare, bareFolder, clone } = repository({ push: true });
    expect((await run(ONE)).status).toBe(0);
    const other = workplace();
    gitIn(other)('clone', '--quiet', bareFolder, '.');
    gitIn(other)('config', 'user.name', 'Another Job');
    gitIn(other)('config', 'user.email', 'other@example.com');
    const theirs = await azureAllowlist(['run', '--feed', TWO], { cwd: other });
    expect(theirs.status, theirs.stderr).toBe(0);
    const head = bare('rev-parse', 'main');
    const { status, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(bare('rev-parse', 'main')).toBe(head);
    expect(clone('rev-parse', 'HEAD')).toBe(head);
    expect(clone('status', '--porcelain')).toBe('');
  });
});
