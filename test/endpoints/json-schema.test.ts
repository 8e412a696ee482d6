import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { endpointTableJsonSchema } from '../../src/endpoints/schema.ts';

test('schema/endpoint-table.schema.json is what the code says (npm run schemas)', async () => {
  const file = new URL('../../schema/endpoint-table.schema.json', import.meta.url);
  const stored: unknown = JSON.parse(await readFile(file, 'utf8'));
  expect(stored).toEqual(JSON.parse(JSON.stringify(endpointTableJsonSchema())));
  expect(stored).toMatchObject({
    required: ['id', 'title', 'confidence', 'sources'],
    additionalProperties: false,
  });
});
