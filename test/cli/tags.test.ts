import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Io } from '../../src/cli/io.ts';
import { tagsCommand } from '../../src/cli/tags.ts';

const feed = fileURLToPath(new URL('../../data/sample/ServiceTags_Public_20260112.json', import.meta.url));

async function tags(word: string | undefined, json = false) {
  const said = { out: '', err: '' };
  const io: Io = {
    out: (text) => {
      said.out += `${text}\n`;
    },
    err: (text) => {
      said.err += `${text}\n`;
    },
    environment: { XDG_CACHE_HOME: '/nonexistent' },
    today: () => '2026-01-13',
    columns: undefined,
    colours: false,
    setStatus: () => undefined,
  };
  await tagsCommand(word, { config: 'allowlist.yaml', feed, offline: true, json }, io);
  return said;
}

const names = async (word?: string) =>
  (JSON.parse((await tags(word, true)).out) as { name: string }[]).map(({ name }) => name);

it('finds a word in name, region or service, however it is spaced and cased', async () => {
  const inWestEurope = await names('westeurope');
  expect(inWestEurope).toContain('Storage.WestEurope');
  expect(await names('West Europe')).toEqual(inWestEurope);
  expect(await names('west-europe')).toEqual(inWestEurope);
  expect((await names()).length).toBeGreaterThan(inWestEurope.length);
});

it('suggests the closest where nothing has the word', async () => {
  const { out, err } = await tags('AzureActivDirectory');
  expect(out).toBe('');
  expect(err).toMatch(
    /has "AzureActivDirectory" in its name, region or service; did you mean AzureActiveDirectory/,
  );
  expect(JSON.parse((await tags('AzureActivDirectory', true)).out)).toEqual([]);
});
