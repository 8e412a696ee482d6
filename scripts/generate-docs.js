// Writes the documents that follow from the code: `npm run docs`. A test compares them, so a forgotten run is noticed.
import { readFile, writeFile } from 'node:fs/promises';
import { configurationDocument } from '../dist/config/documentation.js';
import { configJsonSchema } from '../dist/config/schema.js';
import { endpointsDocument } from '../dist/endpoints/documentation.js';
import { listEndpointTables, loadEndpointTable } from '../dist/endpoints/load.js';
import { bundledTargets, loadTarget } from '../dist/targets/catalog.js';
import { replaceGenerated, targetsDocument, viewModelTables } from '../dist/targets/documentation.js';
import { licencesDocument } from './licences.js';
import { roomImports, roomImportTables } from './room-imports.js';

const root = new URL('../', import.meta.url);
const manifests = await Promise.all(
  (await bundledTargets()).map(async (id) => (await loadTarget(id)).manifest),
);
await writeFile(new URL('docs/targets.md', root), targetsDocument(manifests));
await writeFile(new URL('docs/configuration.md', root), configurationDocument(configJsonSchema(), manifests));

const templates = new URL('docs/templates.md', root);
const view = await readFile(new URL('src/targets/view.ts', root), 'utf8');
const document = await readFile(templates, 'utf8');
await writeFile(templates, replaceGenerated(document, 'view model', viewModelTables(view)));

const tables = await Promise.all((await listEndpointTables()).map((id) => loadEndpointTable(id)));
await writeFile(new URL('docs/endpoints.md', root), endpointsDocument(tables));

const lock = JSON.parse(await readFile(new URL('package-lock.json', root), 'utf8'));
await writeFile(new URL('docs/licences.md', root), licencesDocument(lock));

const architecture = new URL('docs/architecture.md', root);
const rooms = roomImportTables(roomImports(new URL('src', root).pathname));
await writeFile(architecture, replaceGenerated(await readFile(architecture, 'utf8'), 'rooms', rooms));
console.log(
  'docs/architecture.md\ndocs/configuration.md\ndocs/endpoints.md\ndocs/licences.md\ndocs/targets.md\ndocs/templates.md',
);
