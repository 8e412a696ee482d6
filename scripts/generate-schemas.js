// Writes the JSON Schemas that editors use, from the schemas in the built code: `npm run schemas`.
// A test compares the files with what the code says, so a forgotten run is noticed.
import { mkdir, writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../dist/config/schema.js';
import { endpointTableJsonSchema } from '../dist/endpoints/schema.js';
import { historyJsonSchema } from '../dist/review/history/json-shape.js';
import { reviewJsonSchema } from '../dist/review/json-shape.js';
import { manifestJsonSchema } from '../dist/targets/manifest.js';
import { rawJsonSchema } from '../dist/targets/vendors/raw.js';

/** File under `schema/`, and the function that makes its content. One line a schema. */
const schemas = [
  ['allowlist.schema.json', configJsonSchema],
  ['manifest.schema.json', manifestJsonSchema],
  ['endpoint-table.schema.json', endpointTableJsonSchema],
  ['history.schema.json', historyJsonSchema],
  ['review.schema.json', reviewJsonSchema],
  ['raw.schema.json', rawJsonSchema],
];

const directory = new URL('../schema/', import.meta.url);
await mkdir(directory, { recursive: true });
for (const [name, generate] of schemas) {
  await writeFile(new URL(name, directory), `${JSON.stringify(generate(), undefined, 2)}\n`);
  console.log(`schema/${name}`);
}
