import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { azureAllowlist, workplace } from './command.ts';
import { SAMPLE_WEEKS } from './configurations.ts';

/** A repository with two commits of an output tree in `rules/office`, whose configuration is `office.yaml`. */
let repository: string;
let remove: () => void;
afterAll(() => remove());

beforeAll(async () => {
  repository = workplace((done) => {
    remove = done;
  });
  const git = (...args: string[]) => execFileSync('git', args, { cwd: repository, stdio: 'pipe' });
  git('init', '-q');
  git('config', 'user.name', 'a');
  git('config', 'user.email', 'a@example.com');
  const sample = new URL('../../data/sample/allowlist.yaml', import.meta.url);
  const text = readFileSync(sample, 'utf8').replace(/^output: .*$/m, '');
  writeFileSync(join(repository, 'office.yaml'), `${text}\noutput: rules/office\n`);
  for (const week of SAMPLE_WEEKS) {
    const { status, stderr } = await azureAllowlist(['run', '-c', 'office.yaml', '--feed', week], {
      cwd: repository,
    });
    expect(status, stderr).toBe(0);
    git('add', '-A');
    git('commit', '-qm', basename(week));
  }
});

describe('diff of revisions', () => {
  it.each([
    [['HEAD~1', 'HEAD'], 'HEAD~1 is a git revision: name its output tree as well, as in HEAD~1:rules/office'],
    [['HEAD~1:rules/office', 'HEAD'], 'as in HEAD:rules/office'],
    [['HEAD~9', 'HEAD'], 'HEAD~9: there is no such file'],
  ])('%j says what to write', async (revisions, message) => {
    const { status, stderr } = await azureAllowlist(['diff', ...revisions], { cwd: repository });
    expect(stderr).toContain(message);
    expect(status).toBe(message.includes('git revision') || message.startsWith('as in') ? 5 : 4);
  });

  it('says so where the revision has no output tree below', async () => {
    const cwd = join(repository, 'docs');
    mkdirSync(cwd);
    const { status, stderr } = await azureAllowlist(['diff', 'HEAD~1', 'HEAD'], { cwd });
    expect(stderr).toContain(
      'HEAD~1 is a git revision, and it has no output tree (allowlist.lock.json) below',
    );
    expect(status).toBe(5);
  });

  it('does what it suggests', async () => {
    const trees = ['HEAD~1:rules/office', 'HEAD:rules/office'];
    const { status, stdout } = await azureAllowlist(['diff', ...trees], { cwd: repository });
    expect([status, stdout.split('\n')[0]]).toEqual([0, 'Azure allowlist, 2026-01-05 → 2026-01-12']);
  });
});

describe('verify', () => {
  it('takes the output tree of the configuration that -c names', async () => {
    const { status, stdout } = await azureAllowlist(['verify', '-c', 'office.yaml'], { cwd: repository });
    expect(stdout).toMatch(/^rules\/office: \d+ files as generated;/);
    expect(status).toBe(0);
  });

  it('takes that of allowlist.yaml where it is there, and allowlists where it is not', async () => {
    const without = await azureAllowlist(['verify'], { cwd: repository });
    expect(without.stderr).toContain('allowlists is not an output tree');
    copyFileSync(join(repository, 'office.yaml'), join(repository, 'allowlist.yaml'));
    const found = await azureAllowlist(['verify'], { cwd: repository });
    expect(found.stdout).toMatch(/^rules\/office: \d+ files as generated;/);
    const given = await azureAllowlist(['verify', 'elsewhere'], { cwd: repository });
    expect(given.stderr).toContain('elsewhere is not an output tree');
  });
});

describe('weeks of different clouds', () => {
  it('are refused by diff and by history', async () => {
    const cwd = workplace();
    const public_ = 'ServiceTags_Public_20260105.json';
    const china = 'ServiceTags_China_20260112.json';
    copyFileSync(SAMPLE_WEEKS[0]!, join(cwd, public_));
    writeFileSync(
      join(cwd, china),
      readFileSync(SAMPLE_WEEKS[1]!, 'utf8').replace(/"cloud":\s*"Public"/, '"cloud":"China"'),
    );
    const diff = await azureAllowlist(['diff', public_, china], { cwd });
    expect([diff.status, diff.stderr]).toEqual([
      5,
      expect.stringContaining(
        'the first is of the cloud public, the second of china: compare two of one cloud',
      ),
    ]);
    const history = await azureAllowlist(['history', '.'], { cwd });
    expect([history.status, history.stderr]).toEqual([
      5,
      expect.stringContaining('. holds weekly files of china, public: give each cloud a folder of its own'),
    ]);
  });
});

it('run refuses the acceptance of a guard that does not exist before it fetches anything', async () => {
  const cwd = workplace();
  copyFileSync(join(repository, 'office.yaml'), join(cwd, 'allowlist.yaml'));
  appendFileSync(join(cwd, 'allowlist.yaml'), 'hold: 14d\n');
  // Nothing listens there: a request would be told of, and end with 4.
  const feed = ['--feed', 'http://127.0.0.1:9/ServiceTags_Public_20260112.json'];
  const { status, stderr } = await azureAllowlist(['run', '--accept', 'tag-shrnk', ...feed], { cwd });
  expect(stderr).toBe(
    'azure-allowlist: --accept tag-shrnk: there is no guard of that name that can be accepted; did you mean tag-shrink?\n',
  );
  expect(status).toBe(5);
});
