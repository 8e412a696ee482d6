import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readGitTree } from '../../src/committed/git-tree.ts';
import { openCommittedTrees } from '../../src/committed/object-reader.ts';
import { lacks } from '../support/programs.ts';

function repository(format: string) {
  const folder = mkdtempSync(join(tmpdir(), 'object-reader-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
    });
  git('init', '--quiet', '--initial-branch=main', `--object-format=${format}`);
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  return { folder, git, write };
}

describe.skipIf(lacks('git')).each(['sha1', 'sha256'])('directories of a repository of %s', (format) => {
  it('are read as git lists them, through one process', async () => {
    const { folder, git, write } = repository(format);
    write('sites/a/allowlists/lock.json', '{}\n');
    write('sites/a/allowlists/squid/names.txt', `${'example.com\n'.repeat(20_000)}`);
    write('sites/a/allowlists/Ümlaut und Leerzeichen\nZeile', 'ä − ö');
    write('sites/a/allowlists/empty', '');
    write('sites/b/allowlists/tool', '#!/bin/sh\n');
    chmodSync(join(folder, 'sites/b/allowlists/tool'), 0o755);
    symlinkSync('tool', join(folder, 'sites/b/allowlists/link'));
    git('add', '.');
    git('commit', '--quiet', '-m', 'Begin');
    write('sites/b/allowlists/tool', 'not committed\n');
    const trees = openCommittedTrees();
    try {
      for (const below of ['sites/a/allowlists', 'sites/b/allowlists', 'sites', '.', 'sites/c/allowlists']) {
        const slow = await readGitTree(join(folder, below), 'HEAD');
        const quick = await trees.read(join(folder, below), 'HEAD');
        expect(quick?.commit).toBe(slow?.commit);
        expect(quick === undefined ? undefined : Object.fromEntries(quick.files)).toEqual(
          slow === undefined ? undefined : Object.fromEntries(slow.files),
        );
      }
      expect((await trees.read(join(folder, 'sites/b/allowlists'), 'HEAD'))?.files.get('tool')).toBe(
        '#!/bin/sh\n',
      );
      expect(await trees.read(join(folder, 'sites'), 'no-such-branch')).toBeUndefined();
    } finally {
      trees.close();
    }
  });

  it('of which an object is missing are an error that names the repository', async () => {
    const { folder, git, write } = repository(format);
    write('out/file', 'text\n');
    git('add', '.');
    git('commit', '--quiet', '-m', 'Begin');
    const object = git('rev-parse', 'HEAD:out/file').trim();
    rmSync(join(folder, '.git/objects', object.slice(0, 2), object.slice(2)), { force: true });
    const trees = openCommittedTrees();
    try {
      await expect(trees.read(join(folder, 'out'), 'HEAD')).rejects.toThrow(
        `git cannot read ${folder}: ${object} missing`,
      );
    } finally {
      trees.close();
    }
  });
});
