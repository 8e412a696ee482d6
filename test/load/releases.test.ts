import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Change, Releases } from '../../src/load/releases.ts';

let releases: Releases;
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'releases-'));
  releases = new Releases(join(folder, 'nftables'));
  mkdirSync(releases.directory);
  return () => rmSync(folder, { recursive: true, force: true });
});

const files = (text: string) => [
  { path: 'a.txt', text },
  { path: 'b/c.txt', text: 'same\n' },
];
const change = (to: string, from?: string): Change => ({
  from,
  to,
  settings: { options: { table: 't' }, configuration: undefined, reload: undefined, xtables: undefined },
});

describe('the files of a target on a device', () => {
  it('are named for what they say, and put right when kept again', async () => {
    const [one, two] = [await releases.keep(files('1\n')), await releases.keep(files('2\n'))];
    expect(one).toMatch(/^[0-9a-f]{16}$/);
    expect(two).not.toBe(one);
    writeFileSync(join(releases.path(one), 'a.txt'), 'edited\n');
    writeFileSync(join(releases.path(one), 'evil.conf'), 'added\n');
    expect(await releases.keep(files('1\n'))).toBe(one);
    expect(readFileSync(join(releases.path(one), 'a.txt'), 'utf8')).toBe('1\n');
    expect(readdirSync(releases.path(one))).toEqual(['a.txt', 'b']);
    expect(readdirSync(join(releases.directory, 'releases')).sort()).toEqual([one, two].sort());
  });

  it('are in force by a link that stays valid when the folder is moved', async () => {
    expect(await releases.inForce()).toBeUndefined();
    const one = await releases.keep(files('1\n'));
    await releases.putInForce(one);
    expect([await releases.inForce(), readlinkSync(releases.current)]).toEqual([one, `releases/${one}`]);
    await releases.putInForce(undefined);
    expect(await releases.inForce()).toBeUndefined();
  });

  it('wait for a program that a killed load has left at work, and for no other', async () => {
    await releases.awaitProgram(0);
    const child = spawn('sleep', ['1']);
    const ended = new Promise((done) => child.once('exit', done));
    releases.noteProgram(child.pid!);
    await expect(releases.awaitProgram(0.1)).rejects.toThrow(/still at work[\s\S]*process \d+/);
    await releases.awaitProgram(30);
    expect(await ended).toBe(0);

    // A later process with the same id, and one of a machine that has been started anew since.
    const note = join(releases.directory, 'program.json');
    releases.noteProgram(process.pid);
    const mark = JSON.parse(readFileSync(note, 'utf8')) as Record<string, unknown>;
    for (const other of [{ started: '1' }, { place: 'another boot' }]) {
      writeFileSync(note, JSON.stringify({ ...mark, ...other }));
      await releases.awaitProgram(0);
    }
    // Cut off with the machine.
    for (const text of ['', '{"pid":', 'null']) {
      writeFileSync(note, text);
      await releases.awaitProgram(0);
    }
  });

  it('keep three releases beside the one in force and the spare one', async () => {
    const names: string[] = [];
    for (let index = 0; index < 7; index++) names.push(await releases.keep(files(`${index}\n`)));
    await releases.putInForce(names[0]);
    await releases.prune(names[1]);
    const left = readdirSync(join(releases.directory, 'releases'));
    expect(left).toHaveLength(5);
    expect(left).toEqual(expect.arrayContaining([names[0], names[1]]));
  });
});

describe('a change that is not final', () => {
  it('is decided once: confirmed, or taken back', async () => {
    await releases.begin(change('new', 'old'));
    expect(await releases.pending()).toEqual(JSON.parse(JSON.stringify(change('new', 'old'))));
    expect([await releases.confirm(), await releases.confirm()]).toEqual([true, false]);
    expect([await releases.pending(), await releases.beginUndo()]).toEqual([undefined, undefined]);

    await releases.begin(change('new', 'old'));
    expect((await releases.beginUndo())?.from).toBe('old');
    expect([await releases.confirm(), await releases.pending()]).toEqual([false, undefined]);
    // Cut off half way, the next one finds it again.
    expect((await releases.beginUndo())?.to).toBe('new');
    await releases.endUndo();
    expect(await releases.beginUndo()).toBeUndefined();
    expect(readdirSync(releases.directory)).toEqual([]);
  });

  it('is won by one of many at the same time', async () => {
    for (let round = 0; round < 20; round++) {
      await releases.begin(change('new'));
      const decided = await Promise.all([
        releases.confirm(),
        releases.beginUndo().then((undone) => undone !== undefined),
        releases.confirm(),
      ]);
      expect(decided.filter(Boolean)).toHaveLength(1);
      await releases.endUndo();
    }
  });

  it('is told by name when it cannot be read', async () => {
    writeFileSync(join(releases.directory, 'change.json'), '{');
    await expect(releases.pending()).rejects.toThrow(/change\.json/);
  });
});
