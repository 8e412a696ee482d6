import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { clearScratch, withScratch } from '../../src/publish/scratch.ts';
import { withWorkTree } from '../../src/publish/work-tree.ts';
import { lacks } from '../support/programs.ts';
import { temporaryFolder } from './trees.ts';

describe.skipIf(lacks('git'))('scratch folders', () => {
  let repo: string;
  let out: string;
  let gitFolder: string;
  beforeEach(() => {
    repo = temporaryFolder();
    out = join(repo, 'allowlists');
    gitFolder = join(repo, '.git');
    git('init', '--quiet');
    git('-c', 'user.name=A', '-c', 'user.email=a@corp.example', 'commit', '-q', '--allow-empty', '-m', 'x');
    mkdirSync(out);
  });
  const git = (...args: string[]) => execFileSync('git', args, { cwd: repo, encoding: 'utf8' });
  const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid;

  /** A scratch folder as a run leaves it that is killed, with the owner changed. */
  async function left(change: object, work: (folder: string) => Promise<void> = async () => undefined) {
    const kept = await withScratch(out, gitFolder, async (folder) => {
      await work(folder);
      return JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8')) as object;
    });
    const folder = join(
      gitFolder,
      `azure-allowlist-${String(readdirSync(gitFolder).length).padStart(6, 'x')}`,
    );
    mkdirSync(folder);
    writeFileSync(join(folder, 'owner.json'), JSON.stringify({ ...kept, ...change }));
    return folder;
  }

  it('go with the work, however it ends', async () => {
    await expect(
      withScratch(out, gitFolder, async () => {
        throw new Error('broken');
      }),
    ).rejects.toThrow('broken');
    await withWorkTree(out, 'HEAD', async (elsewhere) => {
      expect(await clearScratch(out)).toEqual([]);
      expect(existsSync(join(elsewhere, '..', '.git'))).toBe(true);
    });
    expect(readdirSync(gitFolder).filter((name) => name.startsWith('azure-allowlist'))).toEqual([]);
    expect(git('worktree', 'list').trim().split('\n')).toHaveLength(1);
  });

  it('of dead processes are removed; those of the living, of other trees elsewhere and of others stay', async () => {
    const dead = await left({ pid: deadPid(), started: '' });
    const fromElsewhere = await left({ place: 'a container that is gone' });
    const otherTree = await left({ place: 'another host', directory: join(repo, 'other') });
    const alive = await left({});
    const unmarked = join(gitFolder, 'azure-allowlist-aaaaaa');
    mkdirSync(unmarked);
    writeFileSync(join(unmarked, 'mine.txt'), 'mine\n');
    const torn = await left({});
    writeFileSync(join(torn, 'owner.json'), '{"pid":');
    const [young, old] = ['azure-allowlist-young1', 'azure-allowlist-oldold'].map((name) => {
      mkdirSync(join(gitFolder, name));
      return join(gitFolder, name);
    });
    utimesSync(old!, 1, 1);
    expect((await clearScratch(out)).sort()).toEqual([dead, fromElsewhere, old].sort());
    for (const folder of [otherTree, alive, unmarked, torn, young!]) expect(existsSync(folder)).toBe(true);
    expect(await clearScratch(out)).toEqual([]);
  });

  it('take the working tree in them along, and no other that is missing', async () => {
    const dead = await left({ pid: deadPid(), started: '' });
    git('worktree', 'add', '--quiet', '--detach', join(dead, 'tree'), 'HEAD');
    const unplugged = temporaryFolder();
    git('worktree', 'add', '--quiet', '--detach', join(unplugged, 'stick'), 'HEAD');
    execFileSync('mv', [join(unplugged, 'stick'), join(unplugged, 'away')]);
    expect(await clearScratch(out)).toEqual([dead]);
    const known = git('worktree', 'list', '--porcelain');
    expect(known).not.toContain(dead);
    expect(known).toContain(join(unplugged, 'stick'));
  });
});
