import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AllowlistError } from '../../src/problem.ts';
import { acquireRunLock } from '../../src/publish/run-lock.ts';
import { planTree, publishTree, recoverTree } from '../../src/publish/tree.ts';
import { replaceInPlace } from '../../src/publish/tree-in-place.ts';
import { locateTree } from '../../src/publish/tree-location.ts';
import { planChange } from '../../src/publish/tree-plan.ts';
import { swapTree } from '../../src/publish/tree-swap.ts';
import { compileModules } from '../support/compiled.ts';
import { generation } from './generations.js';
import { readTree, sorted, stamps, temporaryFolder, writeTree } from './trees.ts';

const OLD = generation('old', 10);
const NEW = generation('new', 10);
const FOREIGN = [
  ['README.md', 'mine\n'],
  ['rules-0/notes.txt', 'mine too\n'],
  ['other/deep/file.txt', 'not yours\n'],
] as const;

let base: string;
let out: string;
beforeEach(() => {
  base = temporaryFolder();
  out = join(base, 'allowlists');
});

/** Both ways to switch; a git directory in the tree makes it file by file. */
const WAYS = [
  { way: 'as a whole', foreign: FOREIGN },
  { way: 'file by file', foreign: [...FOREIGN, ['.git/HEAD', 'ref: refs/heads/main\n'] as const] },
];

describe.each(WAYS)('publishTree $way', ({ way, foreign }) => {
  it('makes the tree, then another from it, and leaves what it does not manage', async () => {
    writeTree(out, foreign);
    symlinkSync('README.md', join(out, 'link'));
    mkdirSync(join(out, 'empty'));
    const alien = sorted([...foreign, ['link', '-> link'], ['empty', '(folder)']]);
    const inode = statSync(join(out, 'README.md')).ino;

    const first = await publishTree(out, OLD, []);
    expect(first).toEqual({ written: [...OLD.keys()].sort(), removed: [], unchanged: [] });
    expect(readTree(out)).toEqual(sorted([...OLD, ...alien]));

    const times = lstatSync(join(out, 'same.txt'));
    const directory = statSync(out).ino;
    const planned = await planTree(out, NEW, [...OLD.keys()]);
    const second = await publishTree(out, NEW, [...OLD.keys()]);
    expect(second).toEqual(planned);
    expect(statSync(out).ino === directory).toBe(way === 'file by file');
    expect(second.removed).toEqual(['only-old/a/b.txt', 'turns', 'turns-back/x/y.txt']);
    expect(second.unchanged).toEqual(['deep/er/same.txt', 'same.txt']);
    expect(readTree(out)).toEqual(sorted([...NEW, ...alien]));
    expect(existsSync(join(out, 'only-old'))).toBe(false);
    expect(lstatSync(join(out, 'same.txt'))).toMatchObject({ ino: times.ino, mtimeMs: times.mtimeMs });
    expect(statSync(join(out, 'README.md'))).toMatchObject({ ino: inode, nlink: 1 });
    expect(readdirSync(base)).toEqual(['allowlists']);
  });

  it('writes nothing when nothing changes', async () => {
    writeTree(out, foreign);
    await publishTree(out, OLD, []);
    const before = stamps(base);
    const change = await publishTree(out, OLD, [...OLD.keys(), 'gone/long/ago.txt']);
    expect(change).toEqual({ written: [], removed: [], unchanged: [...OLD.keys()].sort() });
    expect(stamps(base)).toEqual(before);
  });

  it('keeps the permissions of files and folders', async () => {
    writeTree(out, [...foreign, ...OLD]);
    chmodSync(join(out, 'rules-1/1.txt'), 0o640);
    chmodSync(join(out, 'rules-1'), 0o750);
    chmodSync(out, 0o711);
    await publishTree(out, NEW, [...OLD.keys()]);
    expect(statSync(join(out, 'rules-1/1.txt')).mode & 0o7777).toBe(0o640);
    expect(statSync(join(out, 'rules-1')).mode & 0o7777).toBe(0o750);
    expect(statSync(out).mode & 0o7777).toBe(0o711);
    expect(readFileSync(join(out, 'rules-1/1.txt'), 'utf8')).toBe(NEW.get('rules-1/1.txt'));
  });

  it('replaces a link in a file’s place, not what the link points at', async () => {
    writeTree(out, [...foreign, ...OLD]);
    writeFileSync(join(base, 'elsewhere'), 'keep\n');
    unlinkSync(join(out, 'same.txt'));
    symlinkSync('../elsewhere', join(out, 'same.txt'));
    const { written } = await publishTree(out, OLD, []);
    expect(written).toEqual(['same.txt']);
    expect(lstatSync(join(out, 'same.txt')).isFile()).toBe(true);
    expect(readFileSync(join(base, 'elsewhere'), 'utf8')).toBe('keep\n');
  });

  it('reports everything that stands in the way and changes nothing', async () => {
    writeTree(out, [...foreign, ['blocked', 'a file of somebody else\n'], ['taken/mine.txt', 'mine\n']]);
    mkdirSync(join(base, 'outside'));
    symlinkSync('../outside', join(out, 'linked'));
    const before = stamps(base);
    const files = new Map([
      ['blocked/a.txt', ''],
      ['taken', ''],
      ['linked/a.txt', ''],
      ['fine.txt', ''],
    ]);
    const error = await publishTree(out, files, ['linked/b.txt']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AllowlistError);
    expect((error as AllowlistError).problems.map(({ where }) => where).sort()).toEqual(
      ['blocked', 'linked', 'taken'].map((name) => join(out, name)),
    );
    expect(stamps(base)).toEqual(before);
  });
});

describe('publishTree', () => {
  it('makes missing parents, and nothing with nothing in it', async () => {
    const deep = join(base, 'a/b/out');
    expect(await planTree(deep, OLD, [])).toMatchObject({ removed: [], unchanged: [] });
    expect(readdirSync(base)).toEqual([]);
    await publishTree(deep, OLD, []);
    expect(readTree(deep)).toEqual(sorted(OLD));
    expect(readdirSync(join(base, 'a/b'))).toEqual(['out']);
    await publishTree(join(base, 'never'), new Map(), []);
    expect(readdirSync(base)).toEqual(['a']);
  });

  it('can remove the last file, and the directory stays', async () => {
    await publishTree(out, new Map([['pac/proxy.pac', 'x']]), []);
    await publishTree(out, new Map(), ['pac/proxy.pac']);
    expect(readTree(out)).toEqual(new Map());
  });

  it.each([
    ['../up', '..'],
    ['a/../b', '..'],
    ['./a', '.'],
    ['/etc/passwd', 'relative'],
    ['C:/x', 'relative'],
    ['a//b', 'empty part'],
    ['', 'empty'],
    ['a\\b', 'use /'],
    ['a\nb', 'control'],
    ['.git/config', '.git'],
    ['sub/.GIT/hooks/x', '.git'],
    ['.azure-allowlist/next', 'belongs'],
  ])('refuses the path %j, in the files and in the previous lock', async (path, word) => {
    await expect(publishTree(out, new Map([[path, 'x']]), [])).rejects.toThrow(word);
    await expect(planTree(out, new Map(), [path])).rejects.toThrow(word);
    await expect(publishTree(out, new Map(), [path])).rejects.toThrow(AllowlistError);
    expect(readdirSync(base)).toEqual([]);
  });

  it('reports all wrong paths together, and a path that is a file and a folder', async () => {
    const files = new Map([
      ['a', ''],
      ['a/b', ''],
      ['../x', ''],
    ]);
    const error = await planTree(out, files, ['/y']).catch((thrown: unknown) => thrown);
    expect((error as AllowlistError).problems).toHaveLength(3);
  });

  it.each([
    [
      'a symbolic link',
      () => {
        mkdirSync(join(base, 'real'));
        symlinkSync('real', out);
      },
      'name the directory itself',
    ],
    ['a dangling link', () => symlinkSync('nowhere', out), 'does not exist'],
    ['a file', () => writeFileSync(out, 'x'), 'a file stands in its place'],
  ])('refuses %s as the output directory', async (_name, arrange, word) => {
    arrange();
    const before = stamps(base);
    for (const attempt of [planTree, publishTree]) {
      const error = await attempt(out, OLD, []).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AllowlistError);
      expect((error as Error).message).toContain(word);
    }
    expect(await recoverTree(out)).toBeUndefined();
    expect(stamps(base)).toEqual(before);
  });

  it('refuses a file above the output directory, and the root', async () => {
    writeFileSync(join(base, 'file'), 'x');
    await expect(publishTree(join(base, 'file/out'), OLD, [])).rejects.toThrow(AllowlistError);
    await expect(publishTree('/', OLD, [])).rejects.toThrow(AllowlistError);
  });

  it('follows links above the directory', async () => {
    mkdirSync(join(base, 'real'));
    symlinkSync('real', join(base, 'alias'));
    await publishTree(join(base, 'alias/out'), OLD, []);
    expect(readTree(join(base, 'real/out'))).toEqual(sorted(OLD));
  });

  it('does not exchange the directory it works in', async () => {
    await publishTree(out, OLD, []);
    const inode = statSync(out).ino;
    compileModules(join(base, 'js'), ['publish/tree.ts']);
    const child = runChild(out, out);
    expect(child.stderr).toBe('');
    expect(readTree(out)).toEqual(sorted(NEW));
    expect(statSync(out).ino).toBe(inode);
  });

  const unprivileged = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  function runChild(directory: string, cwd: string, identity: { uid?: number; gid?: number } = {}) {
    const script = new URL('./publish-child.js', import.meta.url).pathname;
    const args = [script, join(base, 'js'), directory, 'new', '10', '0'];
    return spawnSync(process.execPath, args, { encoding: 'utf8', cwd, timeout: 30_000, ...identity });
  }

  it.each([
    ['the directory', ''],
    ['a folder in it', 'rules-0'],
  ])('refuses without the right to write %s, and changes nothing', async (_name, folder) => {
    await publishTree(out, OLD, []);
    compileModules(join(base, 'js'), ['publish/tree.ts']);
    chmodSync(base, 0o777);
    for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
      if (statSync(join(out, name)).isDirectory()) chmodSync(join(out, name), 0o777);
    }
    chmodSync(out, 0o777);
    chmodSync(join(out, folder), 0o555);
    const before = stamps(out);
    const child = runChild(out, base, unprivileged);
    expect(child.status).not.toBe(0);
    expect(child.stderr).toContain('AllowlistError');
    expect(child.stderr).toContain(join(out, folder));
    expect(stamps(out)).toEqual(before);
    expect(readdirSync(base).sort()).toEqual(['allowlists', 'js']);
  });

  it('publishes file by file where the parent cannot be written', async () => {
    mkdirSync(out, { mode: 0o777 });
    chmodSync(out, 0o777);
    chmodSync(base, 0o755);
    compileModules(join(base, 'js'), ['publish/tree.ts']);
    chmodSync(base, 0o555);
    const child = runChild(out, '/', unprivileged);
    expect(child.stderr).toBe('');
    expect(readTree(out)).toEqual(sorted(NEW));
    expect(readdirSync(base).sort()).toEqual(['allowlists', 'js']);
  });
});

describe('what others put into the tree while it is switched', () => {
  it('is carried over', async () => {
    writeTree(out, [...OLD, ...FOREIGN]);
    const location = await locateTree(out);
    const plan = await planChange(out, NEW, [...OLD.keys()]);
    const late = async (): Promise<void> => {
      writeTree(out, [
        ['late.txt', 'late\n'],
        ['late/folder/x.txt', 'late\n'],
        ['only-old/a/late.txt', 'late\n'],
      ]);
      writeFileSync(join(out, 'README.md.tmp'), 'edited\n');
      renameSync(join(out, 'README.md.tmp'), join(out, 'README.md'));
      writeFileSync(join(out, 'other/deep/file.txt'), 'edited in place\n');
    };
    expect(await swapTree(location, NEW, plan, late)).toBe(true);
    const expected = sorted([
      ...NEW,
      ...FOREIGN,
      ['late.txt', 'late\n'],
      ['late/folder/x.txt', 'late\n'],
      ['only-old/a/late.txt', 'late\n'],
      ['README.md', 'edited\n'],
      ['other/deep/file.txt', 'edited in place\n'],
    ]);
    expect(readTree(out)).toEqual(expected);
    expect(readdirSync(base)).toEqual(['allowlists']);
  });
});

describe('recoverTree', () => {
  it('has nothing to do in a whole tree, and writes nothing', async () => {
    expect(await recoverTree(out)).toBeUndefined();
    await publishTree(out, OLD, []);
    const before = stamps(base);
    expect(await recoverTree(out)).toBeUndefined();
    expect(stamps(base)).toEqual(before);
  });

  const stop = (): Promise<void> => Promise.reject(new Error('stopped'));

  it('leaves a publish alone that is at work', async () => {
    await publishTree(out, OLD, []);
    writeTree(join(base, '.allowlists.azure-allowlist'), [['next/x.txt', 'in the making\n']]);
    const rival = JSON.stringify({ token: 't', pid: process.ppid, started: '', place: 'elsewhere' });
    writeFileSync(join(base, '.allowlists.azure-allowlist.lock'), rival);
    const before = stamps(base);
    expect(await recoverTree(out)).toBeUndefined();
    expect(stamps(base)).toEqual(before);
    unlinkSync(join(base, '.allowlists.azure-allowlist.lock'));
    expect(await recoverTree(out)).toContain('rolled back');
    expect(readdirSync(base)).toEqual(['allowlists']);
  });

  it('repairs under the lock that the run holds already', async () => {
    writeTree(out, [...OLD, ['.azure-allowlist/next/x.txt', 'in the making\n']]);
    const lock = await acquireRunLock(out);
    expect(await recoverTree(out)).toContain('rolled back');
    await lock.release();
    expect(readTree(out)).toEqual(sorted(OLD));
  });

  it('puts the old tree back where the directory is gone, or is there again and empty', async () => {
    for (const again of [false, true]) {
      writeTree(out, [...OLD, ...FOREIGN]);
      const plan = await planChange(out, NEW, [...OLD.keys()]);
      await expect(swapTree(await locateTree(out), NEW, plan, stop)).rejects.toThrow('stopped');
      expect(readdirSync(base)).toEqual(['allowlists']);
      const work = join(base, '.allowlists.azure-allowlist');
      writeTree(work, [
        ['journal.json', JSON.stringify({ replaced: ['same.txt'], carried: {} })],
        ['next/half.txt', ''],
      ]);
      renameSync(out, join(work, 'previous'));
      if (again) mkdirSync(out);
      expect(await recoverTree(out)).toContain('put back');
      expect(readTree(out)).toEqual(sorted([...OLD, ...FOREIGN]));
      expect(readdirSync(base)).toEqual(['allowlists']);
    }
  });

  it('loses nothing where the directory was made anew by somebody else', async () => {
    const work = join(base, '.allowlists.azure-allowlist');
    writeTree(work, [
      ['journal.json', JSON.stringify({ replaced: ['same.txt'], carried: {} })],
      ['next/same.txt', 'new\n'],
      ['previous/same.txt', 'old\n'],
      ['previous/README.md', 'mine\n'],
    ]);
    writeTree(out, [['same.txt', 'checked out\n']]);
    expect(await recoverTree(out)).toContain('made anew');
    expect(readTree(out)).toEqual(
      sorted([
        ['README.md', 'mine\n'],
        ['same.txt', 'checked out\n'],
      ]),
    );
    expect(readdirSync(base)).toEqual(['allowlists']);
  });

  it('drops a half-made file-by-file publish if somebody has changed its files since', async () => {
    const dropped = 'checked out since\n';
    writeTree(out, [...OLD, ['.git/HEAD', 'x']]);
    const plan = await planChange(out, NEW, [...OLD.keys()]);
    await expect(replaceInPlace(await locateTree(out), NEW, plan, stop)).rejects.toThrow('stopped');
    expect(readTree(out)).toEqual(sorted([...OLD, ['.git/HEAD', 'x']]));
    const digest = '0'.repeat(64);
    const journal = { writes: [{ path: 'same.txt', before: 'absent', after: digest }], removes: [] };
    writeTree(out, [
      ['.azure-allowlist/journal.json', JSON.stringify(journal)],
      ['same.txt', dropped],
    ]);
    expect(await recoverTree(out)).toContain('dropped');
    expect(readTree(out)).toEqual(sorted([...OLD, ['.git/HEAD', 'x'], ['same.txt', dropped]]));
  });
});

afterEach(() => {
  for (const folder of [base, out, join(out, 'rules-0')]) if (existsSync(folder)) chmodSync(folder, 0o755);
});
