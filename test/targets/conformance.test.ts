import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { Admission } from '../../src/policy/admission.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { AllowlistError, GuardRefusal } from '../../src/problem.ts';
import { buildTarget, proveReadBack, type TargetOutput } from '../../src/targets/build.ts';
import type { Target } from '../../src/targets/catalog.ts';
import { intendedAdmission } from '../../src/targets/fit.ts';
import type { Manifest } from '../../src/targets/manifest.ts';
import { exampleOptions, proseOf } from '../support/manifests.ts';
import { makePolicy, type RuleParts, samplePolicy } from '../support/policy.ts';
import { seededRandom } from '../support/random.ts';
import { expectGolden, uncaughtEdits } from '../support/rule-files.ts';
import { targetFolders } from '../support/target-folders.ts';

/*
 * What every target must keep, whoever wrote it: the bundled ones and those of users. A new folder is found by
 * itself; it needs golden files, and its required options need an `example` in the manifest.
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
/** A line of a comment, in any of the formats. */
const COMMENT = /^(#|!|\/\/|;)/;

/** Lines that may stand in another order, or hold figures that say nothing of what is admitted. */
const NEUTRAL = /hashsize \d+/;

/** Of the whole file, its header too. */
const DIGEST = /\b[0-9a-f]{64}\b/;

function make(target: Target, policy: Policy): TargetOutput & { readonly target: Target } {
  const request = { id: target.manifest.id, target, options: exampleOptions(target.manifest) };
  return { ...buildTarget(policy, request), target };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

const PARTS: readonly RuleParts[] = [
  {
    name: 'first',
    names: {
      '443': ['*.example.com', 'a.example.net', 'b.example.net', '.example.org', 'x.y.example.net'],
      '80,8080-8090': ['crl.example.net', '*.pki.example.net'],
    },
    prefixes: ['192.0.2.0/24', '198.51.100.0/25', '198.51.100.128/25', '2001:db8::/33', '2001:db8:8000::/33'],
    ports: '80,443',
    addressUse: 'always',
  },
  { name: 'second', prefixes: ['203.0.113.9/32', '203.0.113.0/29', '198.18.0.0/16', '2001:db8::7/128'] },
  {
    name: 'third',
    names: { '443,443/udp': ['quic.example.com'], '3478-3481/udp': ['*.turn.example.com'] },
    prefixes: ['192.0.2.128/26', '2001:db8:9::/48'],
    ports: '443,443/udp,3478-3481/udp',
    addressUse: 'always',
  },
  { name: 'fourth', prefixes: ['198.18.200.0/24', '2001:db8:a::/48'], ports: '123/udp' },
];

function withoutHeaders(output: TargetOutput & { readonly target: Target }): string[] {
  const prose = proseOf(output.target.manifest);
  const files = output.files.filter(({ path }) => !prose.has(path));
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .filter((line) => !COMMENT.test(line))
      .map((line) => `${path}: ${line.replace(DIGEST, '')}`),
  );
}

describe.each(targetFolders)('%s', (folder, load) => {
  it('says what it can express, with evidence, and is documented', async () => {
    const { manifest } = await load();
    expect(folder.endsWith(`/${manifest.id}`)).toBe(true);
    expect(manifest.evidence.length).toBeGreaterThan(0);
    const { names, namesBy, namePorts } = manifest.capabilities;
    expect(namesBy.length > 0, 'what names are compared with').toBe(names !== 'none');
    // Who sees neither DNS nor requests, but traffic, knows a name on some ports only.
    if (namesBy.includes('category')) expect(namePorts).toBeDefined();
    for (const option of Object.values(manifest.options))
      for (const value of Object.keys(option.capabilities ?? {})) expect(option.values).toContain(value);
    for (const [key, option] of Object.entries(manifest.options)) {
      expect(option.default ?? option.example, `${key} needs a default or an example`).toBeDefined();
      if (option.pattern !== undefined)
        for (const hostile of ['a"b', "a'b", 'a\nb', 'a`b', 'a\\b', 'a;$(b)', '{{a}}', 'ä'])
          expect(new RegExp(`^(?:${option.pattern})$`, 'u').test(hostile), `${key} takes ${hostile}`).toBe(
            false,
          );
      else
        expect(option.type !== 'string' || option.values !== undefined, `${key} takes any text`).toBe(true);
    }
    const readme = readFileSync(join(root, folder, 'README.md'), 'utf8');
    for (const { path } of manifest.files)
      if (!path.includes('{{')) expect(readme, `README.md does not name ${path}`).toContain(path);
  });

  it('writes its golden files and no others', async () => {
    const output = make(await load(), samplePolicy());
    const golden = folder.startsWith('templates/') ? output.id : `examples/${output.id}`;
    await expectGolden(golden, output.files);
    const directory = join(root, 'test/golden', golden);
    const present = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
    expect(present.sort()).toEqual(output.files.map(({ path }) => path).sort());
  });

  it('writes LF, one final newline, no trailing space, and ASCII where it must', async () => {
    const { files, target } = make(await load(), samplePolicy());
    for (const { path, text } of files) {
      if (text !== '') expect(text, path).toMatch(/[^\n]\n$/);
      expect(text, path).not.toMatch(/[^\S\n]\n/);
      if (target.manifest.files.every(({ encoding }) => encoding === 'ascii'))
        expect(text, path).toMatch(/^[\x20-\x7e\n\t]*$/);
    }
  });

  it('writes the same bytes again, from input in any order', async () => {
    const target = await load();
    const policy = makePolicy(...PARTS);
    const { files } = make(target, policy);
    expect(make(await load(), policy).files).toEqual(files);
    const random = seededRandom(11);
    for (let round = 0; round < 5; round++) {
      const parts = PARTS.map((part) => ({
        ...part,
        ...(part.names === undefined
          ? {}
          : {
              names: Object.fromEntries(
                shuffled(Object.entries(part.names), random).map(([ports, names]) => [
                  ports,
                  shuffled(names, random),
                ]),
              ),
            }),
        prefixes: shuffled(part.prefixes ?? [], random),
      }));
      expect(make(target, { ...makePolicy(...parts), digest: policy.digest }).files).toEqual(files);
    }
  });

  it('reads back as the policy, less what it declares to omit, plus what it declares to widen', async () => {
    for (const policy of [samplePolicy(), makePolicy(...PARTS)]) {
      const { plan, files, target } = make(await load(), policy);
      const byAddress = new Map(
        plan.rules.flatMap(({ name, addresses }) =>
          addresses === undefined ? [] : [[name, addresses.ports]],
        ),
      );
      const omittedAddresses = new Set(
        plan.omissions.filter(({ kind }) => kind !== 'names').map(({ rule }) => rule),
      );
      const expected = Admission.union(
        // Settings of a program owe nothing to the policy, and let nothing through.
        (target.manifest.capabilities.traffic ? policy.rules : []).map((rule) => {
          const intended = intendedAdmission(rule, {
            set: rule.addresses,
            ports: omittedAddresses.has(rule.name)
              ? rule.addressPorts
              : (byAddress.get(rule.name) ?? PortSet.empty),
          });
          const own = <T extends { readonly rule: string }>(all: readonly T[]) =>
            all.filter((each) => each.rule === rule.name);
          return (target.manifest.capabilities.methods ? intended : intended.byAnyMethod())
            .difference(Admission.union(own(plan.omissions).map(({ omitted }) => omitted)))
            .union(Admission.union(own(plan.widenings).map(({ admitted }) => admitted)));
        }),
      );
      expect(proveReadBack(target, { ...plan, admission: expected }, files)).toEqual([]);
      const more = { ...plan, admission: expected.union(EXTRA) };
      expect(proveReadBack(target, more, files)).not.toEqual([]);
    }
  });

  it('writes nothing for a rule of which nothing is left', async () => {
    const target = await load();
    const digest = '0'.repeat(64);
    const emptied: RuleParts = { name: 'emptied', names: {}, prefixes: [], ports: '443' };
    const without = make(target, { ...makePolicy(...PARTS), digest });
    const beside = make(target, { ...makePolicy(...PARTS, emptied), digest });
    expect(withoutHeaders(beside)).toEqual(withoutHeaders(without));
    const alone = make(target, makePolicy(emptied));
    expect(alone.plan.admission.isEmpty).toBe(true);
    expect(proveReadBack(target, alone.plan, alone.files)).toEqual([]);
    for (const line of withoutHeaders(alone)) expect(line).not.toMatch(/emptied|\bany\b|0\.0\.0\.0\/0|::\/0/);
  });

  it('refuses what is over a limit', async () => {
    const target = await load();
    const limited = (limits: Manifest['limits']): Target => ({
      ...target,
      manifest: { ...target.manifest, limits: { ...target.manifest.limits, ...limits } },
    });
    const policy = makePolicy(...PARTS);
    const { ipv4, ipv6 } = target.manifest.capabilities;
    for (const limits of [{ fileBytes: 20 }, { lineLength: 5 }, ...(ipv4 || ipv6 ? [{ entries: 1 }] : [])])
      expect(() => make(limited(limits), policy), JSON.stringify(limits)).toThrow(GuardRefusal);
    // The longest names that the configuration takes must fit, or the target could not keep its own limit.
    const long = `${'a'.repeat(19)}9`;
    make(
      target,
      makePolicy(...PARTS.map((part, index) => ({ ...part, name: index === 0 ? long : part.name }))),
    );
  });

  it.each([
    'a".example.com',
    "a'.example.com",
    'a\\.example.com',
    'a`id`.example.com',
    'a$(id).example.com',
    'a;b.example.com',
    'a\nb.example.com',
    'a\r\nany.example.com',
    '{{digest}}.example.com',
    '</x>.example.com',
    'a b.example.com',
    'a#.example.com',
    'ä.example.com',
    'a\u2028b.example.com',
  ])('lets no name such as %j into a file', async (name) => {
    // The boundary refuses it, or turns it into plain letters.
    let parsed: string | undefined;
    try {
      parsed = parseHostPattern(name).name;
    } catch {
      parsed = undefined;
    }
    expect(parsed === undefined || /^[a-z0-9.-]+$/.test(parsed)).toBe(true);
    // Were it to get past the boundary, it would not get into a rule, nor out of a comment.
    const policy = makePolicy({ name: 'r', prefixes: ['192.0.2.0/24'] });
    const hostile: Policy = {
      ...policy,
      rules: policy.rules.map((rule) => ({
        ...rule,
        names: [
          {
            hosts: HostSet.fromPatterns([{ name, apex: true, subdomains: false }]),
            ports: PortSet.of(443),
          },
        ],
      })),
    };
    let output: TargetOutput | undefined;
    try {
      output = make(await load(), hostile);
    } catch (error) {
      if (!(error instanceof AllowlistError)) throw error;
    }
    for (const { path, text } of output?.files ?? [])
      for (const line of text.split('\n'))
        if (!COMMENT.test(line)) {
          expect(line, path).not.toContain(name);
          expect(line, path).not.toMatch(/^b\.example\.com|^any\.example\.com/);
        }
  });

  it.each([101, 102])(
    'notices 200 edits of one line each, unless they change nothing (seed %i)',
    async (seed) => {
      const output = make(await load(), samplePolicy());
      const prose = proseOf(output.target.manifest);
      const uncaught = uncaughtEdits(output, {
        count: 200,
        seed,
        comment: COMMENT,
      });
      const plain = (line: string) => line.replace(NEUTRAL, '');
      const matter = uncaught.filter(
        ({ path, kind, before, after }) =>
          !prose.has(path) && kind !== 'exchange' && plain(before) !== plain(after),
      );
      expect(matter).toEqual([]);
      expect(uncaught.filter(({ path }) => !prose.has(path)).length).toBeLessThan(60);
    },
  );
});

/** Something that no policy here holds. */
const EXTRA = Admission.hosts(
  HostSet.fromPatterns([{ name: 'extra.test', apex: true, subdomains: false }]),
  PortSet.of(443),
);

it('finds every folder', () => {
  expect(existsSync(join(root, 'templates'))).toBe(true);
  expect(targetFolders.length).toBeGreaterThan(6);
});
