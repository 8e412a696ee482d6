// Writes the documents that follow from the code: `npm run docs`. A test compares them, so a forgotten run is noticed.
import { readFile, writeFile } from 'node:fs/promises';
import { bundledTargets, loadTarget } from '../dist/targets/catalog.js';
import { replaceGenerated, targetsDocument, viewModelTables } from '../dist/targets/documentation.js';

const root = new URL('../', import.meta.url);
const manifests = await Promise.all(
  (await bundledTargets()).map(async (id) => (await loadTarget(id)).manifest),
);
await writeFile(new URL('docs/targets.md', root), targetsDocument(manifests));

const templates = new URL('docs/templates.md', root);
const view = await readFile(new URL('src/targets/view.ts', root), 'utf8');
const document = await readFile(templates, 'utf8');
await writeFile(templates, replaceGenerated(document, 'view model', viewModelTables(view)));
console.log('docs/targets.md\ndocs/templates.md');
