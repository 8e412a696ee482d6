import { expect, test } from 'vitest';
import * as z from 'zod';
import { formatKeyPath, schemaProblems } from '../src/schema-problems.ts';

const schema = z.strictObject({
  name: z.string(),
  limits: z.record(z.string(), z.strictObject({ atMost: z.int() })).optional(),
  source: z
    .union([
      z.strictObject({ file: z.string(), date: z.string() }),
      z.strictObject({ url: z.string(), timeout: z.int(), retries: z.int() }),
      z.literal('latest'),
    ])
    .optional(),
});

function told(document: unknown): string[] {
  const { error } = schema.safeParse(document);
  const jsonSchema = z.toJSONSchema(schema, { io: 'input' });
  return schemaProblems(error?.issues ?? [], { file: 'f', document, jsonSchema }).map(
    ({ where, what, next }) => [where, what, next].filter((part) => part !== undefined).join(' | '),
  );
}

test.each([
  [{ name: 'x' }, []],
  [{}, ['f: name | is missing']],
  [null, ['f | must be a mapping, not null']],
  [[], ['f | must be a mapping, not a list']],
  [{ name: {} }, ['f: name | must be text, not a mapping']],
  [{ name: 1 }, ['f: name | must be text, not 1']],
  [{ name: 'x', nam: 1 }, ['f: nam | unknown key | did you mean name?']],
  [{ name: 'x', colour: 1 }, ['f: colour | unknown key | known are limits, name, source']],
  [
    { name: 'x', limits: { 'a b': { atMots: 1, atMost: 2 } } },
    ['f: limits["a b"].atMots | unknown key | did you mean atMost?'],
  ],
  [
    { name: 'x', source: { file: 'y', dat: 'z' } },
    ['f: source.date | is missing', 'f: source.dat | unknown key | did you mean date?'],
  ],
  [
    { name: 'x', source: { url: 'u', timeout: 1, retries: 'z' } },
    ['f: source.retries | must be a number, not "z"'],
  ],
  [{ name: 'x', source: 'newest' }, ['f: source | Invalid input, not "newest"']],
])('%j: %j', (document, expected) => {
  expect(told(document)).toEqual(expected);
});

test.each([
  [[], ''],
  [['rules', 0, 'ports', 1], 'rules[0].ports[1]'],
  [['a-b', 'c.d', 'e'], 'a-b["c.d"].e'],
])('the key path %j is %s', (path, expected) => {
  expect(formatKeyPath(path)).toBe(expected);
});
