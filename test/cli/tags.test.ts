import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tagsCommand } from '../../src/cli/tags.ts';
import { recordingIo } from '../support/recording-io.ts';

const feed = fileURLToPath(new URL('../../data/sample/ServiceTags_Public_20260112.json', import.meta.url));

async function tags(word: string | readonly string[] | undefined, json = false) {
  const { io, said } = recordingIo({ XDG_CACHE_HOME: '/nonexistent' });
  const words = word === undefined ? [] : [word].flat();
  await tagsCommand(words, { config: 'allowlist.yaml', feed, offline: true, json }, io);
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

it('says which tags hold an address or a CIDR, the narrowest first, those with a part of it last', async () => {
  const answers = JSON.parse(
    (await tags(['198.19.9.130', '198.18.250.0/23', '198.19.0.0/16'], true)).out,
  ) as {
    query: string;
    tags: { name: string; region: string; contains: string; prefix: string | null; addresses: string }[];
  }[];
  expect(answers.map(({ query, tags: found }) => [query, found.map(({ name }) => name)])).toEqual([
    ['198.19.9.130', ['Storage.WestEurope', 'Storage', 'AzureCloud']],
    ['198.18.250.0/23', ['AzureCloud']],
    ['198.19.0.0/16', expect.arrayContaining(['Storage.WestEurope', 'AzureCloud'])],
  ]);
  expect(answers[0]!.tags[0]).toMatchObject({
    region: 'westeurope',
    contains: 'all',
    prefix: '198.19.9.128/25',
  });
  for (const { tags: found } of answers) {
    const sizes = found.map(({ contains, addresses }) => [contains === 'part', Number(addresses)] as const);
    expect(sizes).toEqual(sizes.toSorted((a, b) => Number(a[0]) - Number(b[0]) || a[1] - b[1]));
  }
  expect(answers[2]!.tags.every(({ contains, prefix }) => contains === 'part' && prefix === null)).toBe(true);
});

it('answers the others where one cannot be read', async () => {
  const { out, err, status } = await tags(['192.0.2.300', '2001:db8:8800::1', '10.0.0.1', 'westeurope']);
  expect(status).toBe(5);
  expect(err).toMatch(
    /^192\.0\.2\.300: .*is not an address or CIDR\nwesteurope: .*is not an address or CIDR\n$/,
  );
  expect(out).toMatch(
    /^2001:db8:8800::1: in 3 service tags, the narrowest first\ntag +region +service +published as/,
  );
  expect(out).toMatch(/Storage\.WestEurope +westeurope +AzureStorage +2001:db8:8800::\/48/);
  expect(out).toMatch(/^10\.0\.0\.1: in none of \d+ service tags$/m);
  await expect(tags(['west', 'europe'])).rejects.toThrow('2 words to search for');
});
