import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import * as z from 'zod';
import { documentedKeys } from '../../src/config/documentation.ts';
import { parseConfig } from '../../src/config/load.ts';
import { configJsonSchema } from '../../src/config/schema.ts';
import { bundledTargets, loadTarget } from '../../src/targets/catalog.ts';
import { resolveOptions } from '../../src/targets/options.ts';

const schema = configJsonSchema();
const keys = documentedKeys(schema);
const withExample = keys.filter(({ example }) => example !== undefined);

type Mapping = Readonly<Record<string, unknown>>;

/** A rule that is right, for the keys of a rule to stand in. */
const RULE = { name: 'storage', serviceTags: ['Storage'], ports: [443] };

/** Beside what a key means something. */
const BESIDE: Readonly<Record<string, Mapping>> = {
  'rules[].addresses': { rules: [{ hosts: ['a.example.com'] }] },
  'rules[].unassigned': { rules: [{ regions: ['westeurope'] }] },
  'rules[].methods': { rules: [{ hosts: ['a.example.com'] }] },
  'rules[].proxies': { rules: [{ scenario: 'through-proxy' }] },
  'products[].<product>.proxies': { products: [{ intune: { scenario: 'through-proxy' } }] },
  'rules[].endpoints[].optional': { rules: [{ endpoints: [{ table: 'aks' }] }] },
  'rules[].endpoints[].parameters': { rules: [{ endpoints: [{ table: 'aks' }] }] },
  'constraints.outside': { constraints: { within: ['192.0.2.0/24'] } },
  'require[].ports': { require: [{ host: 'a.example.com' }] },
};

/** Mappings merged key by key and lists item by item; the second counts. */
function merged(first: unknown, second: unknown): unknown {
  if (Array.isArray(first) && Array.isArray(second) && typeof first[0] === 'object')
    return second.map((item, index) => merged(first[index], item));
  if (!isMapping(first) || !isMapping(second)) return second;
  const keys = new Set([...Object.keys(first), ...Object.keys(second)]);
  return Object.fromEntries(
    [...keys].map((key) => [key, key in second ? merged(first[key], second[key]) : first[key]]),
  );
}

function isMapping(value: unknown): value is Mapping {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** The least configuration that says the value at the key. */
function fileWith(path: string, document: Mapping): string {
  const around = merged({ rules: [RULE] }, BESIDE[path] ?? {});
  return stringify(merged(around, document));
}

describe('the keys of the configuration', () => {
  it('are all there', () => {
    expect(keys.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        'version',
        'rules[].m365[].ids',
        'feed.source.token.command',
        'targets.<target>.budget.never',
        'publish.git.pullRequest.token.file',
        'notify.webhooks[].url',
      ]),
    );
    expect(keys.length).toBeGreaterThan(110);
  });

  it('all have a description', () => {
    expect(keys.filter(({ description }) => !description).map(({ path }) => path)).toEqual([]);
  });

  it('are noticed without one, in a list, a union and a record too', () => {
    const bare = z.toJSONSchema(
      z.strictObject({
        a: z.array(z.strictObject({ b: z.string() })).describe('list'),
        c: z.union([z.boolean(), z.strictObject({ d: z.int() })]).describe('union'),
        e: z.record(z.string(), z.strictObject({ f: z.int() })).describe('record'),
      }),
    );
    const missing = documentedKeys(bare).filter(({ description }) => description === undefined);
    expect(missing.map(({ path }) => path)).toEqual(['a[].b', 'c.d', 'e.<name>.f']);
  });

  it('have an example, but for mappings, whose keys have theirs', () => {
    const below = (path: string) => keys.some((key) => key.path !== path && key.path.startsWith(path));
    const without = keys.filter(({ example, path }) => example === undefined && !below(path));
    expect(without.map(({ path }) => path)).toEqual([]);
  });
});

const valid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

it.each(withExample)('the example of $path is one that the loader and the JSON Schema take', (key) => {
  const text = fileWith(key.path, key.within(key.example));
  expect(() => parseConfig(text, '/etc/allowlist.yaml')).not.toThrow();
  valid(parse(text));
  expect(valid.errors ?? []).toEqual([]);
});

/** These take effect where they are used; the schema names the same constants. */
const FILLED_IN_LATER = /^feed\.(http|cache|source|m365)\b/;

it.each(keys.filter(({ preset, path }) => preset !== undefined && !FILLED_IN_LATER.test(path)))(
  'the default of $path is what counts without it',
  ({ path, preset, within, example }) => {
    const document = (value: unknown) => parseConfig(fileWith(path, within(value)), '/etc/allowlist.yaml');
    expect(document(preset)).toEqual(document(undefined));
    // And what the example says is something else, or the two lines above would prove nothing.
    if (example !== preset && example !== undefined)
      expect(document(example)).not.toEqual(document(undefined));
  },
);

it.each(await bundledTargets())('the examples of the options of %s are taken', async (id) => {
  const { manifest } = await loadTarget(id);
  const examples = Object.entries(manifest.options).map(([name, option]) => [
    name,
    option.example ?? option.default,
  ]);
  const given = Object.fromEntries(examples);
  expect(resolveOptions(manifest, given, `targets.${id}`)).toEqual(given);
});
