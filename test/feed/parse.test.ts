import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseServiceTags } from '../../src/feed/parse.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { FeedError } from '../../src/problem.ts';
import { feedFile, feedFiles, feedsAvailable } from '../support/feeds.ts';
import { type WeeklyFile, weeklyFile, weeklyTag } from './weekly-file.ts';

const NAME = 'ServiceTags_Public_20250714.json';

function parse(file: unknown) {
  return parseServiceTags(JSON.stringify(file), NAME, { cloud: 'public' });
}

/** The `where: what` lines of the refusal. */
function problemsOf(text: string | Uint8Array, cloud: 'public' | 'usgov' = 'public'): string[] {
  try {
    parseServiceTags(text, NAME, { cloud });
  } catch (error) {
    if (error instanceof FeedError) return error.problems.map(({ where, what }) => `${where}: ${what}`);
    throw error;
  }
  return [];
}

function bent(bend: (file: WeeklyFile) => void): string {
  const file = weeklyFile();
  bend(file);
  return JSON.stringify(file);
}

describe('a lawful weekly file', () => {
  it('becomes a snapshot', () => {
    const snapshot = parse(weeklyFile());
    expect(snapshot).toMatchObject({
      cloud: 'public',
      changeNumber: 42,
      fileDate: '2025-07-14',
      unknownFields: 0,
    });
    expect([...snapshot.tags.keys()]).toEqual([
      'Storage',
      'Storage.WestEurope',
      'AzureFrontDoor.FirstParty',
      'Sql',
      'Empty',
    ]);
    const tag = snapshot.tags.get('Storage')!;
    expect(tag).toMatchObject({ name: 'Storage', region: '', platform: 'Azure', changeNumber: 7 });
    expect(tag.prefixes).toHaveLength(3);
    expect(tag.addresses.toStrings()).toEqual(['192.0.2.0/25', '192.0.2.128/26', '2001:db8:1::/48']);
    expect(snapshot.tags.get('Empty')!.addresses.isEmpty).toBe(true);
  });

  const digest = parse(weeklyFile()).contentSha256;
  const properties = (file: WeeklyFile, index = 0) => file.values[index]!.properties;
  const same: readonly (readonly [string, string | Uint8Array])[] = [
    ['indented, LF', JSON.stringify(weeklyFile(), null, 2)],
    ['indented, CRLF', JSON.stringify(weeklyFile(), null, 2).replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${JSON.stringify(weeklyFile())}`],
    ['a byte order mark in bytes', new TextEncoder().encode(`\ufeff${JSON.stringify(weeklyFile())}`)],
    ['tags in another order', bent((file) => file.values.reverse())],
    ['keys in another order', bent((file) => file.values.map((tag) => ({ ...tag, name: tag.name })))],
    ['prefixes in another order', bent((file) => (properties(file).addressPrefixes as []).reverse())],
    ['another changeNumber', bent((file) => (file.changeNumber = 43))],
    ['networkFeatures null', bent((file) => (properties(file).networkFeatures = null))],
    ['networkFeatures []', bent((file) => (properties(file).networkFeatures = []))],
    ["networkFeatures ['']", bent((file) => (properties(file).networkFeatures = ['']))],
    ["networkFeatures ''", bent((file) => (properties(file).networkFeatures = ''))],
    [
      'neither regionId nor networkFeatures (before 2020-08-27)',
      bent((file) => {
        for (const { properties } of file.values) {
          delete properties.regionId;
          delete properties.networkFeatures;
        }
      }),
    ],
  ];
  it.each(same)('has the same content digest with %s', (_, text) => {
    expect(parseServiceTags(text, NAME, { cloud: 'public' }).contentSha256).toBe(digest);
  });

  const other: readonly (readonly [string, (file: WeeklyFile) => void])[] = [
    ['a prefix less', (file) => (properties(file).addressPrefixes as unknown[]).pop()],
    ['a prefix more', (file) => (properties(file, 4).addressPrefixes as unknown[]).push('192.0.2.255/32')],
    ['a tag more', (file) => file.values.push(weeklyTag('Extra', []))],
    ['another region', (file) => (properties(file).region = 'eastus')],
    [
      'a prefix moved to the next tag',
      (file) =>
        (properties(file, 4).addressPrefixes as unknown[]).push(
          (properties(file, 3).addressPrefixes as unknown[]).pop(),
        ),
    ],
  ];
  it.each(other)('has another content digest with %s', (_, bend) => {
    expect(parseServiceTags(bent(bend), NAME, { cloud: 'public' }).contentSha256).not.toBe(digest);
  });

  it('counts unknown fields and tolerates them', () => {
    const text = bent((file) => {
      Object.assign(file, { note: 1 });
      Object.assign(file.values[0]!, { state: null });
      properties(file).extra = { deep: [] };
    });
    expect(parseServiceTags(text, NAME).unknownFields).toBe(3);
  });

  it.skipIf(!feedsAvailable)('each real week parses without a problem or an unknown field', () => {
    for (const cloud of ['usgov', 'china', 'germany'] as const)
      for (const path of feedFiles(cloud))
        expect(parseServiceTags(gunzipSync(readFileSync(path)), path, { cloud }).unknownFields).toBe(0);
    for (const date of ['20200323', '20200827', '20250818'])
      expect(
        parseServiceTags(gunzipSync(readFileSync(feedFile(date))), feedFile(date), { cloud: 'public' }).tags
          .size,
      ).toBeGreaterThan(1000);
  });

  it.skipIf(!feedsAvailable)('tells equal from unequal weeks where the change number does not', () => {
    const [a, b, c, d] = ['20250811', '20250818', '20250217', '20250303'].map((date) =>
      parseServiceTags(gunzipSync(readFileSync(feedFile(date))), feedFile(date)),
    );
    expect(a!.contentSha256).toBe(b!.contentSha256);
    expect(a!.changeNumber).not.toBe(b!.changeNumber);
    expect(c!.contentSha256).not.toBe(d!.contentSha256);
    expect(c!.changeNumber).toBe(d!.changeNumber);
  });
});

describe('an unlawful weekly file', () => {
  const first = '$.values[0].properties.addressPrefixes';
  const prefix = (value: unknown) =>
    bent((file) => ((file.values[0]!.properties.addressPrefixes as unknown[])[1] = value));
  const property = (key: string, value: unknown) => bent((file) => (file.values[1]!.properties[key] = value));
  const table: readonly (readonly [string, string | Uint8Array, string])[] = [
    ['empty', '', `${NAME}: the content is empty`],
    ['blank', ' \r\n ', `${NAME}: the content is empty`],
    ['HTML', '<!DOCTYPE html><html>', `${NAME}: an HTML or XML page came in place of JSON`],
    ['truncated', bent(() => {}).slice(0, 100), 'not JSON, or only a part of it'],
    ['a comma too many', '{\n"a": 1,\n}', 'in line 3, column 1'],
    ['not JSON', '{"a": nope}', 'Unexpected token'],
    ['not UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 'not UTF-8'],
    ['null', 'null', '$: null where an object is expected'],
    ['a list', '[]', '$: a list of 0 where an object is expected'],
    ['a key twice', '{"cloud":"Public","cloud":"China"}', `${NAME}: $: the key "cloud" occurs twice`],
    [
      'a key twice, escaped',
      '{"values":[{"a":1},{"p":{"a\\u0062":[1,{"x":"y\\\\"}],"ab":[]}}]}',
      `${NAME}: $.values[1].p: the key "ab" occurs twice`,
    ],
    ['no tags', bent((file) => (file.values = [])), '$.values: the file has no service tags'],
    ['values missing', '{"changeNumber":1,"cloud":"Public"}', '$.values: nothing where a list is expected'],
    [
      'another cloud',
      bent((file) => (file.cloud = 'China')),
      '$.cloud: "China" is the cloud china, but public',
    ],
    ['no cloud', bent((file) => (file.cloud = 'public')), '$.cloud: "public" is no cloud'],
    [
      'changeNumber as text',
      bent((file) => (file.changeNumber = '42')),
      '$.changeNumber: the text "42" where',
    ],
    [
      'changeNumber negative',
      bent((file) => (file.changeNumber = -1)),
      '$.changeNumber: the number -1 where',
    ],
    [
      'changeNumber broken',
      bent((file) => (file.changeNumber = 1.5)),
      '$.changeNumber: the number 1.5 where',
    ],
    ['a tag that is text', bent((file) => file.values.push('x' as never)), '$.values[5]: the text "x" where'],
    [
      'a line break in a name',
      bent((file) => (file.values[0]!.name = 'A\nB')),
      '$.values[0].name: "A\\nB" is not',
    ],
    ['a shell character', bent((file) => (file.values[0]!.name = 'A;B')), '$.values[0].name: "A;B" is not'],
    [
      'a name that is too long',
      bent((f) => (f.values[0]!.name = 'A'.repeat(129))),
      '$.values[0].name: "AAAA',
    ],
    ['a dot at the end', bent((file) => (file.values[0]!.name = 'A.')), '$.values[0].name: "A." is not'],
    ['a path', bent((file) => (file.values[0]!.name = '../x')), '$.values[0].name: "../x" is not'],
    ['an id with a quote', bent((file) => (file.values[0]!.id = '"')), '$.values[0].id: "\\"" is not'],
    [
      'a name twice',
      bent((f) => f.values.push(weeklyTag('Sql', []))),
      '"Sql" occurs twice (also at $.values[3])',
    ],
    ['a name twice, case aside', bent((f) => f.values.push(weeklyTag('SQL', []))), '"SQL" occurs twice'],
    [
      'properties null',
      bent((f) => (f.values[0]!.properties = null as never)),
      '$.values[0].properties: null',
    ],
    ['a region that is a number', property('region', 4), '$.values[1].properties.region: the number 4'],
    [
      'a region with markup',
      property('region', '<b>'),
      '$.values[1].properties.region: "<b>" is not allowed',
    ],
    ['a missing platform', property('platform', undefined), '$.values[1].properties.platform: nothing where'],
    ['regionId as text', property('regionId', 'x'), '$.values[1].properties.regionId: the text "x"'],
    [
      'networkFeatures a number',
      property('networkFeatures', 3),
      'networkFeatures: the number 3 where a list',
    ],
    ['networkFeatures of numbers', property('networkFeatures', [3]), 'networkFeatures[0]: the number 3'],
    [
      'addressPrefixes null',
      property('addressPrefixes', null),
      'addressPrefixes: null where a list is expected',
    ],
    ['addressPrefixes text', property('addressPrefixes', '192.0.2.0/24'), 'addressPrefixes: the text'],
    [
      'host bits',
      prefix('192.0.2.129/25'),
      `${first}[1]: "192.0.2.129/25" at character 12: host bits are set`,
    ],
    ['host bits, IPv6', prefix('2001:db8::1/32'), `${first}[1]: "2001:db8::1/32" at character 12: host bits`],
    ['no length', prefix('192.0.2.128'), `${first}[1]: "192.0.2.128" at character 12: a prefix length`],
    ['a length of 33', prefix('192.0.2.0/33'), 'at most 32'],
    ['a leading zero', prefix('192.0.02.0/24'), 'must not begin with 0'],
    ['a space', prefix(' 192.0.2.0/24'), `${first}[1]: " 192.0.2.0/24"`],
    ['a line break', prefix('192.0.2.0/24\n'), `${first}[1]: "192.0.2.0/24\\n"`],
    [
      'upper case IPv6',
      prefix('2001:DB8::/32'),
      '"2001:DB8::/32" is not canonical, "2001:db8::/32" is (Storage)',
    ],
    ['long IPv6', prefix('2001:db8:0::/48'), '"2001:db8:0::/48" is not canonical, "2001:db8::/48" is'],
    ['a zone', prefix('fe80::%eth0/64'), `${first}[1]: "fe80::%eth0/64"`],
    ['a range', prefix('192.0.2.0-192.0.2.9'), `${first}[1]: "192.0.2.0-192.0.2.9"`],
    ['a number', prefix(3), `${first}[1]: the number 3 where a prefix is expected (Storage)`],
    ['a list', prefix(['192.0.2.0/24']), `${first}[1]: a list of 1 where a prefix is expected`],
    ['a very long text', prefix('1'.repeat(1e6)), `${first}[1]: "1111`],
    ['a prefix twice', prefix('192.0.2.0/25'), `${first}[1]: "192.0.2.0/25" occurs twice (Storage)`],
  ];
  it.each(table)('is refused: %s', (_, text, message) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
    expect(problems[0]!.length).toBeLessThan(300);
  });

  it('tells all problems together, twenty spelt out and the rest counted', () => {
    const text = bent((file) => {
      file.changeNumber = null;
      for (let i = 0; i < 30; i++) file.values.push(weeklyTag('A b', [`192.0.2.${i * 2 + 1}/24`]));
    });
    expect(problemsOf(text)).toHaveLength(91);
    expect(() => parseServiceTags(text, NAME)).toThrow(
      /^the feed is not usable: 91 problems in ServiceTags_Public_20250714.json\n(.*\n){20} {2}… and 71 more$/,
    );
  });

  it('with nesting far too deep is refused, not a crash', () => {
    const deep = `{"changeNumber":1,"cloud":"Public","values":${'['.repeat(1e5)}${']'.repeat(1e5)}}`;
    expect(problemsOf(deep)).toEqual([`${NAME}: it is nested deeper than 64 levels`]);
  });
});

describe('what is wrong in a tag that no rule uses', () => {
  const used = new Set(['Sql']);
  const read = (text: string) => parseServiceTags(text, NAME, { cloud: 'public', used });
  const property = (key: string, value: unknown) => bent((file) => (file.values[0]!.properties[key] = value));

  it.each([
    ['a label', property('systemService', 'A & B'), true, 'systemService: "A & B" is not allowed'],
    ['no platform', property('platform', null), true, 'platform: null where a text'],
    ['a region that is a number', property('region', 4), true, 'region: the number 4'],
    ['a change number as text', property('changeNumber', '7'), true, 'changeNumber: the text "7"'],
    ['another id', bent((file) => (file.values[0]!.id = 'A-B')), true, 'id: "A-B" is not allowed'],
    ['a name with a hyphen', bent((file) => (file.values[0]!.name = 'New-Tag')), false, 'name: "New-Tag"'],
    ['no properties', bent((f) => (f.values[0]!.properties = null as never)), false, 'properties: null'],
    ['no addresses', property('addressPrefixes', null), false, 'addressPrefixes: null'],
    ['no tag', bent((file) => file.values.push(null as never)), false, '$.values[5]: null'],
  ])('is set apart: %s', (_, text, kept, what) => {
    const { quarantined, tags } = read(text);
    expect(quarantined).toEqual(
      [
        { tag: expect.anything(), kept, problem: { where: expect.any(String), what: expect.any(String) } },
      ].map((one) => (what.startsWith('$.values[5]') ? { ...one, tag: undefined } : one)),
    );
    const { where, what: said } = quarantined![0]!.problem;
    expect(`${where}: ${said}`).toContain(what);
    const { name } = JSON.parse(text).values[0];
    expect(tags.has(name)).toBe(kept || what.startsWith('$.values[5]'));
    // Without rules that tell what is used, and in a tag of a rule, it is no feed.
    expect(() => parseServiceTags(text, NAME, { cloud: 'public' })).toThrow(
      what.split(': ').at(-1)!.slice(0, 5),
    );
    if (kept) expect(() => parseServiceTags(text, NAME, { used: new Set([name]) })).toThrow('is not usable');
  });

  it('counts by its addresses, whatever the spelling', () => {
    const text = bent((file) => {
      file.values[0]!.properties.addressPrefixes = [
        '192.0.2.0/25',
        '2001:DB8::/32',
        'nonsense',
        '2001:db8::/32',
      ];
    });
    const tag = read(text).tags.get('Storage')!;
    expect(tag.prefixes.map(formatPrefix)).toEqual(['192.0.2.0/25', '2001:db8::/32']);
  });

  it('is not the exception in over twenty tags', () => {
    const strange = (count: number) =>
      bent((file) => {
        for (let index = 0; index < count; index++)
          file.values.push(weeklyTag(`New-${index}`, ['192.0.2.0/24']));
      });
    expect(read(strange(20)).quarantined).toHaveLength(20);
    expect(() => read(strange(21))).toThrow('22 problems');
  });

  it.each(['A\nB', 'A;B', '../x', '$(id)', ''])('is no blemish where the name is %j', (name) => {
    expect(() => read(bent((file) => (file.values[0]!.name = name)))).toThrow('is not usable');
  });

  it('does not hide a tag that occurs twice', () => {
    const text = bent((file) => file.values.push(weeklyTag('Storage', [])));
    expect(() => read(text)).toThrow('"Storage" occurs twice');
  });
});

describe('a weekly file in other clothes', () => {
  it('is read as UTF-16 with a byte order mark', () => {
    const text = bent(() => {});
    const little = Buffer.from(`\ufeff${text}`, 'utf16le');
    const digest = parseServiceTags(text, NAME).contentSha256;
    expect(parseServiceTags(little, NAME).contentSha256).toBe(digest);
    expect(parseServiceTags(Buffer.from(little).swap16(), NAME).contentSha256).toBe(digest);
    expect(() => parseServiceTags(Buffer.concat([little, Buffer.from([0x7b])]), NAME)).toThrow(
      'not UTF-16LE text',
    );
  });

  it('is read as the API gave it, saved to a file', () => {
    const text = bent((file) => {
      const document = file as unknown as Record<string, unknown>;
      document.type = 'Microsoft.Network/serviceTags';
      document.changeNumber = '42';
      document.nextLink = null;
      for (const { properties } of file.values) {
        properties.changeNumber = '7';
        delete properties.platform;
      }
    });
    expect(parseServiceTags(text, NAME, { cloud: 'public' })).toMatchObject({
      changeNumber: 42,
      unknownFields: 0,
    });
  });
});

describe('a weekly file beyond all measure', () => {
  const used = new Set<string>();

  it.each([
    [
      'prefixes in a tag',
      `"addressPrefixes":[${'"192.0.2.0/24",'.repeat(250_000)}"192.0.2.0/25"]`,
      'has 250001 prefixes, 250000 at most',
    ],
    ['bad prefixes', `"addressPrefixes":[${'"x",'.repeat(200_000)}"x"]`, '1000 problems or more'],
    [
      'keys',
      Array.from({ length: 1_000_001 }, (_, index) => `"k${index}":0`).join(','),
      'more than 1000000 keys',
    ],
    ['levels', `"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`, 'nested deeper than 64 levels'],
    ['an open string', '"a":"'.padEnd(1_000_000, '\\'), 'not JSON'],
  ])('is refused: %s', (_, inner, message) => {
    const text = `{"changeNumber":1,"cloud":"Public","values":[{"name":"Sql","id":"Sql","properties":{${inner}}}]}`;
    expect(() => parseServiceTags(text, NAME, { used: new Set(['Sql']) })).toThrow(message);
    if (!message.includes('problems')) expect(() => parseServiceTags(text, NAME, { used })).toThrow(message);
  });
});
