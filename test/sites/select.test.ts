import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { isOfSites, type SiteChoice, selectSites } from '../../src/sites/select.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sites-'));
  for (const path of ['eu/berlin', 'eu/paris', 'us/boston', 'us/berlin', 'odd [1]']) {
    const file = join(directory, path, 'allowlist.yaml');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
  }
  writeFileSync(join(directory, 'lab.yaml'), '');
  return () => rmSync(directory, { recursive: true, force: true });
});

const names = async (patterns: string[], choice?: SiteChoice) =>
  (await selectSites(patterns, choice, directory)).map(({ name }) => name);

describe('the sites of a command line', () => {
  it('are what paths and patterns name, each once, in the order of their names', async () => {
    expect(await names(['us/*/allowlist.yaml', 'lab.yaml', '*/berlin/allowlist.yaml'])).toEqual([
      'eu/berlin',
      'lab.yaml',
      'us/berlin',
      'us/boston',
    ]);
    expect(await names(['{eu,us}/*/allowlist.yaml'])).toHaveLength(4);
  });

  it('are named from the folder that they share where they lie outside of the working directory', async () => {
    const found = await selectSites(
      [join(directory, '*/*/allowlist.yaml')],
      {},
      tmpdir().concat('/elsewhere'),
    );
    expect(found.map(({ name }) => name)).toEqual(['eu/berlin', 'eu/paris', 'us/berlin', 'us/boston']);
    const [alone] = await selectSites(
      [join(directory, 'eu/paris/*.yaml')],
      {},
      tmpdir().concat('/elsewhere'),
    );
    expect(alone!.name).toBe('paris');
  });

  it('may be chosen by name, or by the last part of one', async () => {
    const all = ['*/*/allowlist.yaml'];
    expect(await names(all, { only: ['berlin'] })).toEqual(['eu/berlin', 'us/berlin']);
    expect(await names(all, { only: ['us/boston', 'eu/paris'] })).toEqual(['eu/paris', 'us/boston']);
    await expect(names(all, { only: ['bostn'] })).rejects.toThrow(
      /--only bostn: none of the 4 sites has this name — did you mean boston\?/,
    );
  });

  it('fall into shards of which every site is in one', async () => {
    const all = ['*/*/allowlist.yaml'];
    const shards = await Promise.all(['1/3', '2/3', '3/3'].map((shard) => names(all, { shard })));
    expect(shards.map((shard) => shard.length)).toEqual([2, 1, 1]);
    expect(shards.flat().sort()).toEqual(await names(all));
    for (const shard of ['0/3', '4/3', '1', 'a/b', '-1/3'])
      await expect(names(all, { shard })).rejects.toThrow(/a shard is needed as 3\/20/);
  });

  it('are an error where a path or a pattern finds none', async () => {
    await expect(names(['asia/*/allowlist.yaml'])).rejects.toThrow(
      /-c asia\/\*\/allowlist\.yaml: there is no such file/,
    );
    await expect(names(['lab.yaml', 'nowhere.yaml'])).rejects.toThrow(/-c nowhere\.yaml/);
    // A folder is none either.
    await expect(names(['lab.yaml', 'eu/berlin'])).rejects.toThrow(/-c eu\/berlin: there is no such file/);
  });

  it('are not meant where one file is named', () => {
    expect(isOfSites(['allowlist.yaml'], {})).toBe(false);
    expect(isOfSites(['a.yaml', 'b.yaml'], {})).toBe(true);
    expect(isOfSites(['sites/*.yaml'], {})).toBe(true);
    expect(isOfSites(['a.yaml'], { shard: '1/2' })).toBe(true);
  });
});
