import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import type { Policy, PolicyRule, TagAddresses } from '../../src/policy/policy.ts';
import { makePolicy as policyOf } from '../../src/policy/resolve.ts';
import { buildTarget, proveReadBack } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { rawJsonSchema } from '../../src/targets/vendors/raw.ts';
import { makePolicy } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';
import { buildBundled } from '../support/rule-files.ts';

const ALL = { formats: 'csv ndjson json' };

/** A rule of service tags, some of whose prefixes touch, overlap or join, and of prefixes of its own. */
function tagged(tags: Readonly<Record<string, readonly string[]>>, own: readonly string[] = []): Policy {
  const [rule] = makePolicy({ name: 'cloud', prefixes: [...own], ports: '443,443/udp' }).rules;
  const of = (texts: readonly string[]) => texts.map(parsePrefix);
  const selected = Object.entries(tags).map(
    ([tag, texts]): TagAddresses => ({
      tag,
      region: tag.split('.')[1]?.toLowerCase() ?? '',
      prefixes: of(texts),
      addresses: DualStackSet.fromPrefixes(of(texts)),
    }),
  );
  const whole: PolicyRule = {
    ...rule!,
    tags: selected,
    addresses: DualStackSet.union([rule!.addresses, ...selected.map(({ addresses }) => addresses)]),
  };
  return policyOf([whole]);
}

interface Entry {
  readonly kind: string;
  readonly prefix: string;
  readonly tags: readonly string[];
  readonly regions: readonly string[];
  readonly configured: boolean;
}

async function entriesOf(policy: Policy): Promise<readonly Entry[]> {
  const { files } = await buildBundled('raw', policy, ALL);
  const textOf = (path: string) => files.find((file) => file.path === path)!.text;
  const lines = textOf('allowlist.ndjson').trimEnd().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as Entry);
  expect(JSON.parse(textOf('allowlist.json'))).toEqual(entries);
  const rows = textOf('prefixes.csv').trimEnd().split('\n').slice(1);
  expect(rows.map((row) => [row.split(',')[2], row.split(',')[6]])).toEqual(
    entries.filter(({ kind }) => kind === 'prefix').map(({ prefix, tags }) => [prefix, tags.join(' ')]),
  );
  return entries;
}

describe('lists with provenance', () => {
  it('name the tags and regions that have an address of a prefix, and what the configuration gave', async () => {
    const policy = tagged(
      {
        'Storage.West': ['192.0.2.0/25'],
        Cloud: ['192.0.2.0/24', '2001:db8::/48'],
        'Sql.North': ['198.51.100.0/28'],
      },
      ['198.51.100.16/28', '203.0.113.0/24'],
    );
    expect(
      (await entriesOf(policy)).map(({ prefix, tags, regions, configured }) => [
        prefix,
        tags.join(),
        regions.join(),
        configured,
      ]),
    ).toEqual([
      ['192.0.2.0/24', 'Cloud,Storage.West', 'west', false],
      // Two that join are one, of both.
      ['198.51.100.0/27', 'Sql.North', 'north', true],
      ['203.0.113.0/24', '', '', true],
      ['2001:db8::/48', 'Cloud', '', false],
    ]);
  });

  it('agree with a look at every address (seed 12)', async () => {
    const random = seededRandom(12);
    for (let draw = 0; draw < 40; draw++) {
      const some = () =>
        Array.from({ length: 1 + below(random, 6) }, () => {
          const length = 26 + below(random, 7);
          const size = 2 ** (32 - length);
          return `192.0.2.${size * below(random, 256 / size)}/${length}`;
        });
      const tags = { A: some(), 'B.east': some(), 'C.east': some() };
      const own = some();
      const sets = Object.entries(tags).map(
        ([tag, texts]) => [tag, DualStackSet.fromPrefixes(texts.map(parsePrefix)).ipv4] as const,
      );
      const configured = DualStackSet.fromPrefixes(own.map(parsePrefix)).ipv4;
      for (const entry of await entriesOf(tagged(tags, own))) {
        const { first, length } = parsePrefix(entry.prefix);
        const addresses = Array.from({ length: 2 ** (32 - length) }, (_, index) => first + BigInt(index));
        expect(entry.tags).toEqual(
          sets.filter(([, set]) => addresses.some((value) => set.contains(value))).map(([tag]) => tag),
        );
        expect(entry.configured).toBe(addresses.some((value) => configured.contains(value)));
      }
    }
  });

  describe('say since when a prefix is there', () => {
    /** Publishes one policy after the other, each with the files before it, and gives the dates by prefix. */
    const publisher = async (formats: string) => {
      const target = await loadTarget('raw');
      let inForce: ReadonlyMap<string, string> = new Map();
      return (week: string, ...prefixes: readonly string[]) => {
        const policy = makePolicy({ name: 'web', prefixes });
        const { files } = buildTarget(policy, { id: 'raw', target, options: { formats }, inForce, week });
        inForce = new Map(files.map(({ path, text }) => [path, text]));
        const lines = [...inForce.values()].join('').split('\n');
        return Object.fromEntries(
          lines.flatMap((line) => {
            const [, prefix, since] =
              /^web,\d,([^,]+),.*,(\S*)$/.exec(line) ??
              /^\{.*"prefix":"([^"]+)".*"since":"([^"]*)"\},?$/.exec(line) ??
              [];
            return prefix === undefined ? [] : [[prefix, since]];
          }),
        );
      };
    };

    it.each(['csv', 'ndjson', 'json', 'csv ndjson json'])('in %s', async (formats) => {
      const publish = await publisher(formats);
      expect(publish('2026-01-05', '192.0.2.0/25', '198.51.100.0/24')).toEqual({
        '192.0.2.0/25': '2026-01-05',
        '198.51.100.0/24': '2026-01-05',
      });
      expect(publish('2026-01-12', '192.0.2.0/24', '198.51.100.0/25', '2001:db8::/48')).toEqual({
        // A part of it is new.
        '192.0.2.0/24': '2026-01-12',
        // All of it was there.
        '198.51.100.0/25': '2026-01-05',
        '2001:db8::/48': '2026-01-12',
      });
      expect(publish('2026-01-19', '192.0.2.0/25', '198.51.100.0/24')).toEqual({
        '192.0.2.0/25': '2026-01-12',
        '198.51.100.0/24': '2026-01-19',
      });
    });

    it('by the latest date of what was joined, and anew of what left', async () => {
      const publish = await publisher('csv ndjson');
      publish('2026-01-05', '192.0.2.0/26');
      publish('2026-01-12', '192.0.2.0/26', '192.0.2.128/25');
      expect(publish('2026-01-19', '192.0.2.0/24')).toEqual({ '192.0.2.0/24': '2026-01-19' });
      publish('2026-01-26');
      expect(publish('2026-02-02', '192.0.2.0/26')).toEqual({ '192.0.2.0/26': '2026-02-02' });
    });

    it('not at all where no week is known, and nothing by what a hand wrote', async () => {
      const policy = makePolicy({ name: 'web', prefixes: ['192.0.2.0/25'] });
      const { files } = await buildBundled('raw', policy, { formats: 'csv' });
      expect(files.find(({ path }) => path === 'prefixes.csv')!.text).toMatch(/,true,\n$/);
      const target = await loadTarget('raw');
      const inForce = new Map([
        [
          'prefixes.csv',
          'nonsense\nweb,4,192.0.2.0/25,192.0.2.0,192.0.2.126,443,,,true,2020-01-01\nweb,4,x,,,,,,,2020-01-01\n',
        ],
      ]);
      const again = buildTarget(policy, {
        id: 'raw',
        target,
        options: { formats: 'csv' },
        inForce,
        week: '2026-01-05',
      });
      expect(again.files.find(({ path }) => path === 'prefixes.csv')!.text).toMatch(/,true,2026-01-05\n$/);
    });
  });

  it.each([
    ['a tag', 'prefixes.csv', ',Cloud,', ',Clout,', /differ/],
    ['a region', 'allowlist.ndjson', '"regions":["west"]', '"regions":["east"]', /differ/],
    [
      'the last address',
      'allowlist.ndjson',
      '"last":"192.0.2.255"',
      '"last":"192.0.2.254"',
      /differ|not those of the prefix/,
    ],
    [
      'a key twice',
      'allowlist.ndjson',
      '{"kind":"prefix",',
      '{"kind":"name","kind":"prefix",',
      /not spelled as it is written/,
    ],
    ['a space', 'allowlist.ndjson', '"rule":"cloud"', '"rule": "cloud"', /not spelled as it is written/],
    ['a column', 'prefixes.csv', 'rule,family', 'family,rule', /not the columns/],
    [
      'a field',
      'allowlist.ndjson',
      '"configured":false',
      '"configured":false,"seen":"x"',
      /allowlist\.ndjson/,
    ],
  ])('are refused where a hand changes %s', async (_, path, from, to, what) => {
    const policy = tagged({ 'Storage.West': ['192.0.2.0/25'], Cloud: ['192.0.2.0/24', '2001:db8::/48'] });
    const { files, plan, target } = await buildBundled('raw', policy, ALL);
    const edited = files.map((file) =>
      file.path === path ? { ...file, text: file.text.replace(from, to) } : file,
    );
    expect(edited).not.toEqual(files);
    expect(() => proveReadBack(target, plan, edited)).toThrow(what);
  });

  it('have the schema that is published (npm run schemas)', () => {
    const stored: unknown = JSON.parse(
      readFileSync(new URL('../../schema/raw.schema.json', import.meta.url), 'utf8'),
    );
    expect(stored).toEqual(JSON.parse(JSON.stringify(rawJsonSchema())));
  });
});
