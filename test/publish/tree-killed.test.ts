import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishTree, recoverTree } from '../../src/publish/tree.ts';
import { compileModules } from '../support/compiled.ts';
import { times } from '../support/long.ts';
import { generation } from './generations.js';
import { readTree, sorted, temporaryFolder, writeTree } from './trees.ts';

const SCRIPT = new URL('./publish-child.js', import.meta.url).pathname;
const FOREIGN = [
  ['README.md', 'mine\n'],
  ['rules-0/notes.txt', 'mine too\n'],
  ['other/deep/file.txt', 'not yours\n'],
] as const;
const MANAGED = (size: number): string[] => [
  ...generation('old', size).keys(),
  ...generation('new', size).keys(),
];

let modules: string;
beforeAll(() => {
  modules = mkdtempSync(join(realpathSync(tmpdir()), 'allowlist-modules-'));
  compileModules(modules, ['publish/tree.ts']);
});
afterAll(() => rmSync(modules, { recursive: true, force: true }));

const childArguments = (out: string, names: string, size: number, killAt: number): string[] => [
  SCRIPT,
  modules,
  out,
  names,
  String(size),
  String(killAt),
];

/** Which of the two trees stands there, whole and with what is not ours; undefined for anything else. */
function standing(
  out: string,
  size: number,
  foreign: Iterable<readonly [string, string]>,
): string | undefined {
  if (!existsSync(out)) return undefined;
  // What is staged inside is not part of the tree, nor is a dead run's lock; that they go is asked for on its own.
  const found = JSON.stringify(
    [...readTree(out)].filter(([path]) => !/^(\.git\/)?\.?azure-allowlist/.test(path)),
  );
  return (['old', 'new'] as const).find(
    (name) => found === JSON.stringify([...sorted([...generation(name, size), ...foreign])]),
  );
}

/** The same numbers on every run: a failure names its seed. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** `old ×3, none ×1, new ×2` */
function runs(steps: readonly string[]): string {
  const found: [string, number][] = [];
  for (const step of steps) {
    const last = found.at(-1);
    if (last?.[0] === step) last[1] += 1;
    else found.push([step, 1]);
  }
  return found.map(([step, count]) => `${step} ×${count}`).join(', ');
}

describe('a run that is killed', () => {
  it('at random moments leaves the old or the new tree whole', async () => {
    const size = 300;
    const moments = random(20_250_721);
    const base = temporaryFolder();
    const out = join(base, 'allowlists');
    writeTree(out, FOREIGN);
    await publishTree(out, generation('old', size), []);
    // Between "before the first publish" and "in the third one", however fast this machine is.
    const started = performance.now();
    spawnSync(process.execPath, childArguments(out, 'new,old', size, 0), { timeout: 60_000 });
    const span = performance.now() - started;
    const seen: Record<string, number> = {};
    const count = (what: string): void => {
      seen[what] = (seen[what] ?? 0) + 1;
    };

    for (let kill = 1; kill <= times(20, 50); kill += 1) {
      const child = spawn(process.execPath, childArguments(out, 'new,old…', size, 0), {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      await Promise.race([once(child.stdout, 'data'), ended]);
      await sleep(moments.next().value * span);
      child.kill('SIGKILL');
      const [, signal] = await ended;
      expect(signal).toBe('SIGKILL');

      const left = standing(out, size, FOREIGN);
      // Between the two renames there is no directory; the old tree then stands beside it.
      const beside = join(base, '.allowlists.azure-allowlist/previous');
      const whole = left ?? (existsSync(out) ? undefined : standing(beside, size, FOREIGN));
      expect(whole, `kill ${kill}`).toBeDefined();
      count(left === undefined ? 'no directory' : `${left} tree`);

      const line = await recoverTree(out);
      count(
        line === undefined ? 'nothing to repair' : line.includes('rolled back') ? 'rolled back' : 'finished',
      );
      expect(standing(out, size, FOREIGN), `kill ${kill}, repaired`).toBe(whole);
      expect(readdirSync(base).filter((name) => !name.endsWith('.lock'))).toEqual(['allowlists']);
    }
    process.stdout.write(`kills: ${JSON.stringify(seen)}\n`);
    expect(seen['rolled back']).toBeGreaterThan(0);

    // The last one's lock is a dead process's: the next run takes it over.
    await publishTree(out, new Map([['fresh.txt', 'x']]), MANAGED(size));
    expect(readTree(out)).toEqual(sorted([...FOREIGN, ['fresh.txt', 'x']]));
    expect(readdirSync(base)).toEqual(['allowlists']);
  }, 180_000);

  const ways = [
    { way: 'as a whole', foreign: FOREIGN, whole: true },
    {
      way: 'file by file',
      foreign: [...FOREIGN, ['.git/HEAD', 'ref: refs/heads/main\n'] as const],
      whole: false,
    },
  ];

  describe.each(ways)('$way', ({ foreign, whole }) => {
    it('before any one of its operations can be repaired to the old or the new tree', async () => {
      const size = 4;
      const steps: string[] = [];
      for (let killAt = 1; ; killAt += 1) {
        const base = temporaryFolder();
        const out = join(base, 'allowlists');
        writeTree(out, [...generation('old', size), ...foreign]);
        const child = spawnSync(process.execPath, childArguments(out, 'new', size, killAt), {
          encoding: 'utf8',
          timeout: 30_000,
        });
        expect(child.stderr).toBe('');
        if (child.signal === null) break;
        expect(child.signal).toBe('SIGKILL');

        const left = standing(out, size, foreign);
        steps.push(left ?? (existsSync(out) ? 'mix' : 'none'));
        // Whole-directory: never a mix, not even before the repair. What is unfinished stands beside it.
        if (whole && existsSync(out)) expect(left, `step ${killAt}`).toBeDefined();
        // By turns, as `verify` repairs and as the next run does.
        if (killAt % 2 === 0) await recoverTree(out);
        else await publishTree(out, generation('old', size), MANAGED(size));
        const repaired = standing(out, size, foreign);
        expect(repaired, `step ${killAt}, repaired`).toBeDefined();
        expect(existsSync(join(out, '.azure-allowlist'))).toBe(false);
        if (killAt % 2 === 1) expect(repaired).toBe('old');
        else if (left !== undefined && whole) expect(repaired).toBe(left);
        expect(readdirSync(base).filter((name) => !name.endsWith('.lock'))).toEqual(['allowlists']);
      }
      // The kill has gone through the whole publish: before, in and after the switch.
      expect(steps.length).toBeGreaterThan(20);
      expect(steps[0]).toBe('old');
      process.stdout.write(
        `${steps.length} kills ${whole ? 'as a whole' : 'file by file'}: ${runs(steps)}\n`,
      );
      expect(steps).toContain(whole ? 'none' : 'mix');
      expect(steps.at(-1)).toBe('new');
    }, 120_000);
  });
});

describe('two runs at once', () => {
  it('on one output tree end one after the other, and the tree is whole', async () => {
    const size = 60;
    const base = temporaryFolder();
    const out = join(base, 'allowlists');
    writeTree(out, FOREIGN);
    await publishTree(out, generation('old', size), []);
    const start = (names: string): ChildProcess =>
      spawn(process.execPath, childArguments(out, names, size, 0), {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    const runs = ['new,old,new,old,new', 'old,new,old,new', 'new,new,old'].map(start);
    const ends = await Promise.all(runs.map((run) => once(run, 'exit')));
    expect(ends.map(([code]) => code)).toEqual([0, 0, 0]);
    expect(standing(out, size, FOREIGN)).toBeDefined();
    expect(readdirSync(base)).toEqual(['allowlists']);
  });
});
