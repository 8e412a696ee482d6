import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Builds the product into a folder of its own, as a package has it, so that no test depends on `dist` or disturbs it. */
export function buildProduct(): { readonly folder: string; readonly remove: () => void } {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'allowlist-installation-'));
  execFileSync(
    process.execPath,
    [
      join(root, 'node_modules/typescript/bin/tsc'),
      '-p',
      join(root, 'tsconfig.build.json'),
      '--outDir',
      join(folder, 'dist'),
    ],
    { cwd: root, timeout: 150_000, stdio: 'inherit' },
  );
  for (const part of ['package.json', 'templates', 'data', 'scripts', 'schema'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
