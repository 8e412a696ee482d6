import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from '../../scripts/bundle-program.js';

/** The product as a package has it. */
export interface BuiltProduct {
  readonly folder: string;
  /** For each file of `dist/program`, the sources that are in it, relative to the repository. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
  readonly remove: () => void;
}

/** Builds the product into a folder of its own, so that no test depends on `dist` or disturbs it. */
export async function buildProduct(): Promise<BuiltProduct> {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'allowlist-installation-'));
  // The build compiles templates with the package that the product needs at run time.
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  const sources = await bundleProgram(folder);
  for (const part of ['package.json', 'templates', 'data', 'scripts', 'schema'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  return { folder, sources, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
