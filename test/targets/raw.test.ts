import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import type { Policy, PolicyRule, TagAddresses } from '../../src/policy/policy.ts';
import { makePolicy as policyOf } from '../../src/policy/resolve.ts';
import { proveReadBack } from '../../src/targets/build.ts';
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
      '"configured":false,"since":"x"',
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
