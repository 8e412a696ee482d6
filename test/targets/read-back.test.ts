import { describe, expect, it } from 'vitest';
import { proveReadBack } from '../../src/targets/build.ts';
import { type Manifest, manifestSchema } from '../../src/targets/manifest.ts';
import { readBackByGrammar } from '../../src/targets/read-back.ts';
import { makePolicy } from '../support/policy.ts';
import { buildBundled } from '../support/rule-files.ts';

function manifest(ports = true): Manifest {
  return manifestSchema.parse({
    id: 'test',
    title: 'Test',
    description: 'test',
    capabilities: { ipv4: true, ipv6: true, names: 'suffix', ports },
    files: [{ path: 'rules', template: 'rules.hbs' }],
    readBack: [
      {
        files: '^rules$',
        lines: [
          { match: '#.*', does: 'ignore' },
          { match: 'group (?<group>[a-z]+)', does: 'group' },
          { match: 'net (?<prefix>[0-9a-f.:]+/[0-9]+)', does: 'entry' },
          { match: 'from (?<first>[0-9.]+) to (?<last>[0-9.]+)', does: 'entry' },
          { match: 'host (?<host>[a-z.]+)', does: 'entry' },
          { match: 'below (?<suffix>[a-z.]+)', does: 'entry' },
          { match: 'domain (?<domain>[a-z.]+)', does: 'entry' },
          { match: 'list (?<sameList>[a-z]+) allow (?<group>[a-z]+) (?<ports>[0-9, -]+)', does: 'grant' },
          {
            match: 'allow (?<group>[a-z]+) range (?<firstPort>[0-9]+) (?<lastPort>[0-9]+)',
            does: 'grant',
          },
        ],
      },
      { files: '^(?<group>[a-z]+)\\.(?<ports>[0-9]+)$', lines: [{ match: '(?<prefix>.+)', does: 'entry' }] },
    ],
  });
}

const read = (text: string, path = 'rules', ports = true) =>
  readBackByGrammar(manifest(ports), [{ path, text }]).admission.describe();

describe('a grammar of lines', () => {
  it.each([
    ['#\n', []],
    ['', []],
    ['group a\nnet 192.0.2.0/24\nallow a range 80 80\n', ['port 80: 192.0.2.0/24']],
    ['group a\nnet 192.0.2.0/25\nnet 192.0.2.128/25\nallow a range 1 9\n', ['port 1-9: 192.0.2.0/24']],
    ['group a\nfrom 192.0.2.1 to 192.0.2.2\nlist x allow a 443\n', ['port 443: 192.0.2.1/32 192.0.2.2/32']],
    ['group a\nhost x.test\nbelow x.test\nlist x allow a 80,443\n', ['port 80,443: .x.test']],
    ['group a\ndomain x.test\nlist x allow a 80\nlist x allow a 443\n', ['port 80,443: .x.test']],
    [
      'group a\nhost x.test\ngroup b\nhost y.test\nlist x allow a 80\nlist x allow b 443\n',
      ['port 80: x.test', 'port 443: y.test'],
    ],
  ])('reads %j', (text, admitted) => {
    expect(read(text)).toEqual(admitted);
  });

  it('takes group and ports from the path, and all ports where none can be said', () => {
    expect(read('192.0.2.0/24\n', 'a.443')).toEqual(['port 443: 192.0.2.0/24']);
    expect(read('', 'a.443')).toEqual([]);
    expect(read('host x.test\n', 'rules', false)).toEqual(['port 1-65535: x.test']);
  });

  it.each([
    ['nonsense\n', /rules:1: not a line of this format/],
    ['group a\n\nnet 192.0.2.0/24\n', /rules:2: not a line of this format/],
    ['group a\nnet 192.0.2.1/24\nallow a range 1 1\n', /rules:2: .*host bits/],
    ['group a\nnet 192.0.2.0/24\n', /entries of a are never granted/],
    ['allow a range 1 1\n', /rules:1: the group a has no entries/],
    ['group a\nnet 192.0.2.0/24\nnet 192.0.2.0/24\nallow a range 1 1\n', /a: addresses that overlap/],
    ['group a\nnet 192.0.2.0/24\nnet 192.0.2.7/32\nallow a range 1 1\n', /a: addresses that overlap/],
    ['group a\nfrom 192.0.2.1 to 192.0.2.9\nnet 192.0.2.9/32\nallow a range 1 1\n', /overlap/],
    ['group a\nhost x.test\nhost x.test\nallow a range 1 1\n', /x\.test overlaps another name/],
    ['group a\nbelow test\nhost x.test\nallow a range 1 1\n', /x\.test overlaps another name/],
    ['group a\nhost x.test\ngroup a\nallow a range 1 1\n', /rules:3: the group a is listed twice/],
    ['group a\nhost x.test\nallow a range 1 9\nallow a range 9 9\n', /rules:4: a is granted twice/],
    ['group a\nhost x.test\nallow a range 9 1\n', /rules:3/],
    ['group a\nhost x.test\nallow a range 1 70000\n', /rules:3/],
    ['group a\nhost x.test\nlist x allow a 1\nlist y allow a 2\n', /rules:4: y stands where x stood before/],
  ])('refuses %j', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('refuses a file that no grammar is for', () => {
    expect(() => read('', 'other')).toThrow(/other: not a file of target test/);
  });
});

describe.each(['haproxy', 'nginx'])('the lists of %s, which a device uses one by one', (id) => {
  const policy = makePolicy(
    { name: 'wide', prefixes: ['192.0.2.0/24', '2001:db8::/32'] },
    { name: 'narrow', prefixes: ['192.0.2.0/25', '198.51.100.0/24'] },
  );
  const judge = async (path: RegExp, from: string, to: string) => {
    const { target, plan, files } = await buildBundled(id, policy);
    const changed = files.map((file) => {
      if (!path.test(file.path)) return file;
      // At the beginning of a line: the header names prefixes too.
      expect(file.text).toContain(`\n${from}`);
      return { ...file, text: file.text.replace(`\n${from}`, `\n${to}`) };
    });
    return proveReadBack(target, plan, changed).map(({ what }) => what);
  };

  it('are each held to the addresses of their own rule', async () => {
    expect(await judge(/^narrow-ipv4/, '192.0.2.0/25', '192.0.2.0/25')).toEqual([]);
    // In the union nothing would be missing, and nothing too much.
    expect(await judge(/^narrow-ipv4/, '192.0.2.0/25', '192.0.2.0/26')).toEqual([
      'missing in narrow-ipv4: port 1-65535: 192.0.2.64/26',
    ]);
    expect(await judge(/^narrow-ipv4/, '192.0.2.0/25', '192.0.2.0/24')).toEqual([
      'not in the policy in narrow-ipv4: port 1-65535: 192.0.2.128/25',
    ]);
  });

  it('are all needed', async () => {
    const { target, plan, files } = await buildBundled(id, policy);
    for (const { path } of files)
      expect(
        proveReadBack(
          target,
          plan,
          files.filter((file) => file.path !== path),
        ),
        path,
      ).not.toEqual([]);
  });
});

describe('a pattern that does not come to an end', () => {
  it('is stopped, and named', () => {
    const endless = {
      ...manifest(),
      readBack: [{ files: '^rules$', lines: [{ match: '(a+)+', does: 'ignore' as const }] }],
    };
    const text = `${'a'.repeat(60)}!\n`;
    expect(() => readBackByGrammar(endless, [{ path: 'rules', text }], 0.2)).toThrow(
      'rules: reading it back takes over 0.2 seconds: a pattern in readBack of the manifest of test repeats',
    );
    // Nothing of it is left: the next file is read as ever.
    expect(read('192.0.2.0/24\n', 'a.443')).toEqual(['port 443: 192.0.2.0/24']);
  });
});

describe('fixed lines', () => {
  const grammar = manifestSchema.parse({
    id: 'test',
    title: 'Test',
    description: 'test',
    capabilities: { ipv4: true },
    options: {
      zone: { type: 'string', description: 'zone', pattern: '[a-z]+' },
      most: { type: 'integer', description: 'most' },
    },
    files: [{ path: 'rules', template: 'rules.hbs' }],
    readBack: [
      {
        files: '^rules$',
        lines: [
          { match: '#.*', does: 'ignore' },
          { match: 'begin (?<sameZone>[a-z]+) (?<sameMost>[0-9]+) (?<sameOther>[a-z]+)', does: 'fixed' },
          { match: '(?<prefix>[0-9.]+/[0-9]+)', does: 'entry' },
          { match: 'end (?<sameZone>[a-z]+)', does: 'fixed' },
        ],
      },
    ],
  });
  const reading = (text: string) => readBackByGrammar(grammar, [{ path: 'rules', text }]);

  it('stand once each, in their order, and say options', () => {
    const { settings, admission } = reading('# a\nbegin dmz 7 x\n192.0.2.0/24\nend dmz\n');
    expect(settings).toEqual({ zone: 'dmz', most: 7 });
    expect(admission.isEmpty).toBe(false);
  });

  it.each([
    ['192.0.2.0/24\nbegin dmz 7 x\nend dmz\n', 'rules:1: not a line of this format'],
    ['begin dmz 7 x\n# late\nend dmz\n', 'rules:2: not a line of this format'],
    ['begin dmz 7 x\nbegin dmz 7 x\nend dmz\n', 'rules:2: not a line of this format'],
    ['begin dmz 7 x\nend dmz\n192.0.2.0/24\n', 'rules:3: not a line of this format'],
    ['begin dmz 7 x\n192.0.2.0/24\n', 'rules: there is no line "end'],
    ['', 'rules: there is no line "begin'],
    ['begin dmz 7 x\nend lan\n', 'lan stands where dmz stood before'],
  ])('refuses %j', (text, message) => {
    expect(() => reading(text)).toThrow(message);
  });
});
