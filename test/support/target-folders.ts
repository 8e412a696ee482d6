import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledTargets, loadTarget, loadTargetFolder, type Target } from '../../src/targets/catalog.ts';

const examples = fileURLToPath(new URL('../../docs/examples/', import.meta.url));

/** Every target there is, by its folder: the bundled ones, and those of the documentation, which users copy. */
export const targetFolders: readonly (readonly [string, () => Promise<Target>])[] = [
  ...(await bundledTargets()).map((id) => [`templates/${id}`, () => loadTarget(id)] as const),
  ...readdirSync(examples).map(
    (name) => [`docs/examples/${name}`, () => loadTargetFolder(join(examples, name))] as const,
  ),
];
