import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { AllowlistError, EXIT_STATUS } from '../../src/problem.ts';
import { acquireRunLock, TreeBusyError, withRunLock } from '../../src/publish/run-lock.ts';
import { lacks } from '../support/programs.ts';
import { temporaryFolder } from './trees.ts';

let base: string;
let out: string;
let file: string;
beforeEach(() => {
  base = temporaryFolder();
  out = join(base, 'allowlists');
  file = join(base, '.allowlists.azure-allowlist.lock');
});

/** A lock of this machine as this program writes it, held by another process. */
async function lockOf(pid: number, started?: string): Promise<void> {
  const lock = await acquireRunLock(out);
  const own = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  await lock.release();
  writeFileSync(file, JSON.stringify({ ...own, token: 'other', pid, started: started ?? '' }));
}

const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

describe('acquireRunLock', () => {
  it('stands beside the directory and goes when it is released, with the folders made for it', async () => {
    out = join(base, 'a/b/allowlists');
    const lock = await acquireRunLock(out);
    expect(lock.path).toBe(join(base, 'a/b/.allowlists.azure-allowlist.lock'));
    expect(existsSync(lock.path)).toBe(true);
    await lock.assertHeld();
    await lock.release();
    expect(readdirSync(base)).toEqual([]);
  });

  it.skipIf(lacks('git'))(
    'stands in git’s directory, of a linked working tree its own, one for each output tree',
    async () => {
      const git = (...args: string[]) =>
        execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@corp.example', ...args], {
          cwd: base,
          stdio: 'ignore',
        });
      git('init', '--quiet');
      git('commit', '--quiet', '--allow-empty', '--message=first');
      git('worktree', 'add', '--quiet', 'linked');
      const trees = ['allowlists', 'sites/a/allowlists', 'sites/b/allowlists', '.', 'linked/allowlists'];
      const locks = await Promise.all(trees.map((tree) => acquireRunLock(join(base, tree), { wait: 0 })));
      expect(new Set(locks.map(({ path }) => path)).size).toBe(trees.length);
      for (const [index, { path }] of locks.entries()) {
        const at = join(base, trees[index]!.startsWith('linked') ? '.git/worktrees/linked' : '.git');
        expect(dirname(path)).toBe(at);
      }
      // Nothing of it is in the working tree, for `git add` to take along.
      expect(readdirSync(base).sort()).toEqual(['.git', 'linked']);
      await expect(acquireRunLock(out, { wait: 0 })).rejects.toThrow(TreeBusyError);
      await Promise.all(locks.map((lock) => lock.release()));

      // A run of another version, or with other rights, has its lock beside the tree.
      writeFileSync(file, JSON.stringify({ token: 't', pid: process.ppid, started: '', place: 'elsewhere' }));
      await expect(acquireRunLock(out, { wait: 0 })).rejects.toThrow(file);
    },
  );

  it('fails at once, or after its limit, with the process that holds it', async () => {
    const lock = await acquireRunLock(out);
    for (const wait of [0, 250]) {
      const error = await acquireRunLock(out, { wait }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TreeBusyError);
      expect((error as AllowlistError).exitStatus).toBe(EXIT_STATUS.failed);
      expect((error as Error).message).toContain(`process ${process.pid}`);
      expect((error as Error).message).toContain(file);
    }
    await lock.release();
    await (await acquireRunLock(out, { wait: 0 })).release();
  });

  it.each<[string, (path: string) => void]>([
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    ['a directory', (path) => mkdirSync(path)],
    ['a symbolic link', (path) => symlinkSync('nowhere', path)],
    ['a symbolic link', (path) => symlinkSync('/dev/zero', path)],
  ])('says at once that %s is no lock, and leaves it there', async (kind, make) => {
    make(file);
    await expect(acquireRunLock(out)).rejects.toThrow(`${file}: it is ${kind}, not a file — move it away`);
    expect(readdirSync(base)).toEqual(['.allowlists.azure-allowlist.lock']);
  });

  it('waits for the other run, and says so once', async () => {
    const lines: string[] = [];
    const first = await acquireRunLock(out);
    const second = acquireRunLock(out, { report: (line) => lines.push(line) });
    await sleep(350);
    await first.release();
    await (await second).release();
    expect(lines).toEqual([`waiting for another run on ${out} (process ${process.pid})`]);
  });

  it('stops waiting when it is told to', async () => {
    const first = await acquireRunLock(out);
    const controller = new AbortController();
    const second = acquireRunLock(out, { signal: controller.signal });
    controller.abort(new Error('stop'));
    await expect(second).rejects.toThrow('stop');
    await first.release();
  });

  it('lets one of many in at a time, also over a dead run’s lock', async () => {
    await lockOf(deadPid());
    let inside = 0;
    let most = 0;
    const turn = (): Promise<void> =>
      withRunLock(out, {}, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await sleep(5);
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 12 }, turn));
    expect(most).toBe(1);
    expect(readdirSync(base)).toEqual([]);
  });

  it('releases when the work fails', async () => {
    await expect(withRunLock(out, {}, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(readdirSync(base)).toEqual([]);
  });

  it('takes over a dead process’s lock, and one whose process id another process has now', async () => {
    const reused: [number, string][] = [[deadPid(), '']];
    if (process.platform === 'linux') reused.push([process.ppid, '1']);
    for (const [pid, started] of reused) {
      await lockOf(pid, started);
      const lines: string[] = [];
      const lock = await acquireRunLock(out, { wait: 0, report: (line) => lines.push(line) });
      await lock.assertHeld();
      expect(lines).toEqual([`took over the lock of a run that has died (process ${pid})`]);
      await lock.release();
    }
    expect(readdirSync(base)).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')(
    'takes over the lock of a process that has ended and was never asked how',
    async () => {
      // The shell's child ends while the shell, which has become `sleep`, waits for nothing.
      const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 30']);
      try {
        const [data] = (await once(parent.stdout, 'data')) as [Buffer];
        const pid = Number(String(data));
        const state = () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]![0];
        for (let attempt = 0; attempt < 50 && state() !== 'Z'; attempt++) await sleep(20);
        expect(state()).toBe('Z');
        await lockOf(pid);
        await (await acquireRunLock(out, { wait: 0 })).release();
      } finally {
        parent.kill('SIGKILL');
      }
    },
  );

  it('does not take over a living process’s lock, however old', async () => {
    await lockOf(process.ppid);
    utimesSync(file, 1, 1);
    await expect(acquireRunLock(out, { wait: 0 })).rejects.toThrow(TreeBusyError);
  });

  it('takes over a lock of another host, or one that cannot be read, only when it has been silent for long', async () => {
    // Both limits are minutes and seconds away from a lock that is written now, and far below one of 1970.
    const elsewhere = JSON.stringify({ token: 't', pid: deadPid(), started: '', place: 'another host' });
    for (const text of [elsewhere, '', 'not JSON', '{"pid":1}']) {
      writeFileSync(file, text);
      await expect(acquireRunLock(out, { wait: 0 })).rejects.toThrow(TreeBusyError);
      utimesSync(file, 1, 1);
      await (await acquireRunLock(out, { wait: 0 })).release();
    }
  });

  it('notices that it was taken away', async () => {
    const lock = await acquireRunLock(out);
    await lockOfSomebodyElse();
    await expect(lock.assertHeld()).rejects.toThrow(AllowlistError);
    await lock.release();
    expect(existsSync(file)).toBe(true);
  });

  async function lockOfSomebodyElse(): Promise<void> {
    const own = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...own, token: 'other' }));
  }
});
