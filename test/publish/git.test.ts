import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileAtRevision } from '../../src/committed/git-read.ts';
import { AllowlistError } from '../../src/problem.ts';
import { type CommitMessage, commitTree } from '../../src/publish/git.ts';
import { publishTree } from '../../src/publish/tree.ts';
import { lacks } from '../support/programs.ts';
import { temporaryFolder, writeTree } from './trees.ts';

const MESSAGE: CommitMessage = {
  subject: 'Allow 12 addresses more',
  body: '# Review\n\n| rule | added |\n|---|---|\n| connector | 12 |\n',
};

describe.skipIf(lacks('git'))('commitTree', () => {
  let repo: string;
  beforeEach(() => {
    // Neither this machine's settings nor those of a hook that runs the tests.
    for (const name of ['GIT_DIR', 'GIT_INDEX_FILE', 'GIT_WORK_TREE', 'GIT_PREFIX'])
      vi.stubEnv(name, undefined);
    vi.stubEnv('GIT_CONFIG_GLOBAL', '/dev/null');
    vi.stubEnv('GIT_CONFIG_SYSTEM', '/dev/null');
    repo = temporaryFolder();
    git('init', '--quiet', '--initial-branch=main');
    git('config', 'user.name', 'Rule Writer');
    git('config', 'user.email', 'rules@corp.example');
  });
  afterEach(() => vi.unstubAllEnvs());

  function git(...args: string[]): string {
    return execFileSync('git', args, { cwd: repo, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
  const status = (): string => git('status', '--porcelain', '--untracked-files=all');
  const committed = (revision = 'HEAD'): string[] =>
    git('show', '--name-status', '--no-renames', '--format=', revision).trim().split('\n').sort();
  const firstCommit = (): void => {
    writeTree(repo, [
      ['other.txt', 'one\n'],
      ['staged.txt', 'one\n'],
    ]);
    git('add', '.');
    git('commit', '--quiet', '--message=first');
  };
  async function refusal(work: Promise<unknown>): Promise<string> {
    const error = await work.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AllowlistError);
    return (error as Error).message;
  }

  it('commits new, changed and deleted files, then says that nothing changed', async () => {
    const out = join(repo, 'allowlists');
    await publishTree(
      out,
      new Map([
        ['a.txt', 'one\n'],
        ['pac/b.txt', 'one\n'],
      ]),
      [],
    );
    const first = await commitTree(out, MESSAGE);
    expect(first).toEqual({ commit: git('rev-parse', 'HEAD').trim(), parent: undefined, branch: 'main' });
    expect(committed()).toEqual(['A\tallowlists/a.txt', 'A\tallowlists/pac/b.txt']);
    expect(git('log', '-1', '--format=%B').trim()).toBe(`${MESSAGE.subject}\n\n${MESSAGE.body.trim()}`);
    expect(await commitTree(out, MESSAGE)).toEqual({ unchanged: true });

    await publishTree(
      out,
      new Map([
        ['a.txt', 'two\n'],
        ['c d*[x].txt', 'new\n'],
      ]),
      ['a.txt', 'pac/b.txt'],
    );
    await commitTree(out, MESSAGE);
    expect(committed()).toEqual([
      'A\tallowlists/c d*[x].txt',
      'D\tallowlists/pac/b.txt',
      'M\tallowlists/a.txt',
    ]);
    expect(status()).toBe('');
    expect(git('rev-list', '--count', 'HEAD').trim()).toBe('2');
  });

  it('leaves every other change as it is: staged, partly staged, unstaged, new, deleted', async () => {
    firstCommit();
    writeTree(repo, [
      ['staged.txt', 'two\n'],
      ['both.txt', 'staged\n'],
      ['added.txt', 'staged\n'],
    ]);
    git('add', '.');
    writeTree(repo, [
      ['both.txt', 'and more\n'],
      ['untracked.txt', 'x\n'],
      ['allowlists-old/x.txt', 'the name begins alike\n'],
    ]);
    rmSync(join(repo, 'other.txt'));
    const before = status();
    const index = git('ls-files', '--stage');
    const out = join(repo, 'allowlists');
    writeTree(out, [['a.txt', 'one\n']]);
    await commitTree(out, MESSAGE);
    expect(committed()).toEqual(['A\tallowlists/a.txt']);
    expect(status()).toBe(before);
    expect(git('ls-files', '--stage', '--', ':!allowlists')).toBe(index);
  });

  it('commits the root of a repository, but only the paths it is told', async () => {
    firstCommit();
    writeTree(repo, [
      ['pac/a.txt', 'one\n'],
      ['pac/notes.txt', 'mine\n'],
      ['other.txt', 'changed\n'],
      ['.azure-allowlist.lock', 'x'],
    ]);
    const before = status().replace('?? pac/a.txt\n', '');
    await commitTree(repo, MESSAGE, { paths: ['pac/a.txt', 'never/was.txt'] });
    expect(committed()).toEqual(['A\tpac/a.txt']);
    expect(status()).toBe(before);
    rmSync(join(repo, 'pac/a.txt'));
    await commitTree(repo, MESSAGE, { paths: ['pac/a.txt'] });
    expect(committed()).toEqual(['D\tpac/a.txt']);
    expect(status()).toBe(before);

    await commitTree(repo, MESSAGE);
    expect(committed()).toEqual(['A\tpac/notes.txt', 'M\tother.txt']);
    expect(status()).toBe('?? .azure-allowlist.lock\n');
  });

  it('commits what is staged of the tree already, and the working tree’s bytes win', async () => {
    firstCommit();
    const out = join(repo, 'allowlists');
    writeTree(out, [['a.txt', 'staged\n']]);
    git('add', 'allowlists');
    writeTree(out, [['a.txt', 'in the working tree\n']]);
    await commitTree(out, MESSAGE);
    expect(git('show', 'HEAD:allowlists/a.txt')).toBe('in the working tree\n');
    expect(status()).toBe('');
    git('rm', '--quiet', '--cached', 'allowlists/a.txt');
    expect(await commitTree(out, MESSAGE)).toEqual({ unchanged: true });
    expect(existsSync(join(out, 'a.txt'))).toBe(true);
  });

  it('leaves staged files out of a repository’s first commit', async () => {
    writeTree(repo, [
      ['staged.txt', 'one\n'],
      ['allowlists/a.txt', 'one\n'],
    ]);
    git('add', 'staged.txt');
    await commitTree(join(repo, 'allowlists'), MESSAGE);
    expect(committed()).toEqual(['A\tallowlists/a.txt']);
    expect(status()).toBe('A  staged.txt\n');
  });

  it('runs the hooks, and restores the index when one refuses', async () => {
    firstCommit();
    writeTree(repo, [
      ['allowlists/a.txt', 'one\n'],
      ['staged.txt', 'two\n'],
    ]);
    git('add', 'staged.txt');
    const before = status();
    const hook = join(repo, '.git/hooks/pre-commit');
    mkdirSync(join(repo, '.git/hooks'), { recursive: true });
    writeFileSync(hook, '#!/bin/sh\necho "no rules on a Friday" >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    const said = await refusal(commitTree(join(repo, 'allowlists'), MESSAGE));
    expect(said).toContain(`nothing was committed: the hook ${hook} refused`);
    expect(said).toContain('no rules on a Friday');
    expect(status()).toBe(before);

    // A pattern in a hook is a pattern: no option of ours reaches it through the environment.
    writeFileSync(
      hook,
      '#!/bin/sh\ngit diff --cached --name-only -- "*.txt" > .git/seen\nenv >> .git/seen\n',
    );
    await commitTree(join(repo, 'allowlists'), MESSAGE);
    const seen = readFileSync(join(repo, '.git/seen'), 'utf8');
    expect(seen.split('\n')[0]).toBe('allowlists/a.txt');
    expect(seen).not.toMatch(/GIT_LITERAL_PATHSPECS|GIT_CONFIG_PARAMETERS/);
  });

  it('names the hook that refuses, wherever it is, and no hook where git fails by itself', async () => {
    firstCommit();
    writeTree(repo, [['allowlists/a.txt', 'one\n']]);
    const before = status();
    const out = join(repo, 'allowlists');
    const hooks = (folder: string, statuses: Record<string, number>) => {
      for (const [name, ends] of Object.entries(statuses)) {
        writeTree(repo, [[`${folder}/${name}`, `#!/bin/sh\nexit ${ends}\n`]]);
        chmodSync(join(repo, folder, name), 0o755);
      }
    };
    hooks('.git/hooks', { 'pre-commit': 0, 'commit-msg': 3 });
    const said = await refusal(commitTree(out, MESSAGE));
    expect(said).toContain(`the hook ${join(repo, '.git/hooks/commit-msg')} refused`);
    expect(said).toContain('exit 1');
    expect(status()).toBe(before);

    git('config', 'core.hooksPath', '.git/of-the-team');
    hooks('.git/of-the-team', { 'prepare-commit-msg': 1, 'commit-msg': 0 });
    expect(await refusal(commitTree(out, MESSAGE))).toContain(
      `the hook ${join(repo, '.git/of-the-team/prepare-commit-msg')} or `,
    );
    hooks('.git/of-the-team', { 'pre-commit': 128 });
    expect(await refusal(commitTree(out, MESSAGE))).toContain(
      `the hook ${join(repo, '.git/of-the-team/pre-commit')} refused`,
    );
    expect(status()).toBe(before);

    hooks('.git/of-the-team', { 'pre-commit': 0, 'prepare-commit-msg': 0 });
    git('config', 'commit.gpgSign', 'true');
    git('config', 'gpg.program', 'false');
    const unsigned = await refusal(commitTree(out, MESSAGE));
    expect(unsigned).toContain('git could not commit the output tree');
    expect(unsigned).not.toContain('the hook');
    expect(git('rev-list', '--count', 'HEAD').trim()).toBe('1');
  });

  it('commits on a detached HEAD and says that no branch holds it', async () => {
    firstCommit();
    git('checkout', '--quiet', '--detach');
    writeTree(repo, [['allowlists/a.txt', 'one\n']]);
    const done = await commitTree(join(repo, 'allowlists'), MESSAGE);
    expect(done).toMatchObject({ commit: git('rev-parse', 'HEAD').trim(), branch: undefined });
  });

  it('works in a linked worktree, and below a path with odd characters', async () => {
    firstCommit();
    const linked = join(temporaryFolder(), 'a tree [1] *');
    git('worktree', 'add', '--quiet', '-b', 'linked', linked);
    writeTree(linked, [['out put/a.txt', 'one\n']]);
    expect(await commitTree(join(linked, 'out put'), MESSAGE)).toMatchObject({ branch: 'linked' });
    expect(committed('linked')).toEqual(['A\tout put/a.txt']);
  });

  it('refuses outside a repository, in a git directory, and where there is no folder', async () => {
    const outside = temporaryFolder();
    vi.stubEnv('GIT_CEILING_DIRECTORIES', join(outside, '..'));
    expect(await refusal(commitTree(outside, MESSAGE))).toMatch(/not in the working tree[\s\S]*git init/);
    expect(await refusal(commitTree(join(repo, '.git'), MESSAGE))).toContain('not in the working tree');
    expect(await refusal(commitTree(join(outside, 'nowhere'), MESSAGE))).toContain('nowhere');
  });

  it('refuses without git', async () => {
    vi.stubEnv('PATH', temporaryFolder());
    expect(await refusal(commitTree(repo, MESSAGE))).toContain('git');
  });

  it('refuses without an identity, and touches nothing', async () => {
    firstCommit();
    git('config', '--unset', 'user.name');
    git('config', '--unset', 'user.email');
    git('config', 'user.useConfigOnly', 'true');
    writeTree(repo, [['allowlists/a.txt', 'one\n']]);
    const before = status();
    expect(await refusal(commitTree(join(repo, 'allowlists'), MESSAGE))).toMatch(
      /who commits[\s\S]*user\.name/,
    );
    expect(status()).toBe(before);
  });

  it.each([
    ['a merge', ['merge', '--no-edit', 'theirs']],
    ['a rebase', ['rebase', 'theirs']],
    ['a cherry-pick', ['cherry-pick', 'theirs']],
    ['a revert', ['revert', '--no-edit', 'HEAD~1']],
  ])('refuses in the middle of %s', async (what, command) => {
    firstCommit();
    git('branch', 'theirs');
    for (const text of ['two\n', 'three\n']) {
      writeTree(repo, [['other.txt', text]]);
      git('commit', '--quiet', '--all', '--message=ours');
    }
    git('checkout', '--quiet', 'theirs');
    writeTree(repo, [['other.txt', 'theirs\n']]);
    git('commit', '--quiet', '--all', '--message=theirs');
    git('checkout', '--quiet', 'main');
    expect(() => git(...command)).toThrow();
    writeTree(repo, [['allowlists/a.txt', 'one\n']]);
    const before = status();
    expect(await refusal(commitTree(join(repo, 'allowlists'), MESSAGE))).toContain(`${what} is in progress`);
    expect(status()).toBe(before);
  });

  it('refuses to leave out files that git is told to ignore', async () => {
    firstCommit();
    writeTree(repo, [
      ['.gitignore', '*.pac\n'],
      ['allowlists/a.txt', 'one\n'],
      ['allowlists/b.pac', 'one\n'],
    ]);
    const paths = ['a.txt', 'b.pac'];
    const said = await refusal(commitTree(join(repo, 'allowlists'), MESSAGE, { paths }));
    expect(said).toContain(join(repo, 'allowlists/b.pac'));
    expect(said).toContain('.gitignore');
  });

  it('tells of a lock that another git holds', async () => {
    firstCommit();
    writeTree(repo, [['allowlists/a.txt', 'one\n']]);
    writeFileSync(join(repo, '.git/index.lock'), '');
    expect(await refusal(commitTree(join(repo, 'allowlists'), MESSAGE))).toContain('index.lock');
  });

  it('reads a file of the tree at a revision', async () => {
    const out = join(repo, 'allowlists');
    writeTree(out, [['sub/a.txt', 'one\n\n']]);
    await commitTree(out, MESSAGE);
    writeTree(out, [['sub/a.txt', 'two\n']]);
    expect(await fileAtRevision(out, 'HEAD', 'sub/a.txt')).toBe('one\n\n');
    expect(await fileAtRevision(out, 'HEAD', 'sub')).toBeUndefined();
    expect(await fileAtRevision(out, 'HEAD', 'sub/b.txt')).toBeUndefined();
    expect(await fileAtRevision(out, '--help', 'sub/a.txt')).toBeUndefined();
  });
});
