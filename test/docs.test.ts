import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { licencesDocument, productionPackages } from '../scripts/licences.js';
import { configurationDocument } from '../src/config/documentation.ts';
import { configJsonSchema } from '../src/config/schema.ts';
import { endpointsDocument } from '../src/endpoints/documentation.ts';
import { listEndpointTables, loadEndpointTable } from '../src/endpoints/load.ts';
import { bundledTargets, loadTarget } from '../src/targets/catalog.ts';
import { replaceGenerated, targetsDocument, viewModelTables } from '../src/targets/documentation.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

it('docs/targets.md is what the manifests say (npm run docs)', async () => {
  const manifests = await Promise.all(
    (await bundledTargets()).map(async (id) => (await loadTarget(id)).manifest),
  );
  expect(read('docs/targets.md')).toBe(targetsDocument(manifests));
});

it('docs/configuration.md is what the schema and the manifests say (npm run docs)', async () => {
  const manifests = await Promise.all(
    (await bundledTargets()).map(async (id) => (await loadTarget(id)).manifest),
  );
  expect(read('docs/configuration.md')).toBe(configurationDocument(configJsonSchema(), manifests));
});

it('docs/licences.md is what package-lock.json says (npm run docs)', () => {
  const lock = JSON.parse(read('package-lock.json'));
  expect(read('docs/licences.md')).toBe(licencesDocument(lock));
  const direct = Object.keys(JSON.parse(read('package.json')).dependencies);
  expect(productionPackages(lock).map(({ name }) => name)).toEqual(expect.arrayContaining(direct));
});

it('docs/endpoints.md is what the tables say (npm run docs)', async () => {
  const tables = await Promise.all((await listEndpointTables()).map((id) => loadEndpointTable(id)));
  expect(read('docs/endpoints.md')).toBe(endpointsDocument(tables));
});

it('docs/templates.md describes the view model as it is (npm run docs)', () => {
  const document = read('docs/templates.md');
  const tables = viewModelTables(read('src/targets/view.ts'));
  expect(tables.match(/^### \w+/gm)).toContain('### View');
  expect(replaceGenerated(document, 'view model', tables)).toBe(document);
});

it('lists an interface that extends another, with a link to it', () => {
  const source =
    '/** A thing. */\nexport interface View {\n  /** What. */\n  readonly a: string;\n}\n/** More. */\nexport interface MoreView extends View {\n  /** Else. */\n  readonly b: string;\n}\n';
  expect(viewModelTables(source)).toContain('### MoreView\n\nMore. It has the fields of View and these:');
});

it('wants a comment for every field of the view model', () => {
  const source = '/** A thing. */\nexport interface View {\n  readonly undocumented: string;\n}\n';
  expect(() => viewModelTables(source)).toThrow(/a field of View has no comment/);
});
