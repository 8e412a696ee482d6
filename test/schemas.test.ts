import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configJsonSchema } from '../src/config/schema.ts';
import { manifestJsonSchema } from '../src/targets/manifest.ts';

test.each([
  ['allowlist.schema.json', configJsonSchema],
  ['manifest.schema.json', manifestJsonSchema],
])('schema/%s is what the code says (npm run schemas)', (name, generate) => {
  const file = new URL(`../schema/${name}`, import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(generate())));
});
