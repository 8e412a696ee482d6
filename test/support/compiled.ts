import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Compiles modules of `src` (with what they import) to JavaScript under `outDir`, for tests that need a process of
 * their own: Node 20 does not run TypeScript. Only modules without packages: `outDir` has none installed.
 */
export function compileModules(outDir: string, modules: readonly string[]): void {
  mkdirSync(outDir, { recursive: true });
  writeFileSync(join(outDir, 'package.json'), '{ "type": "module" }\n');
  const project = join(outDir, 'tsconfig.json');
  const settings = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      rootDir: join(ROOT, 'src'),
      outDir,
      typeRoots: [join(ROOT, 'node_modules', '@types')],
    },
    files: modules.map((path) => join(ROOT, 'src', path)),
    include: [],
  };
  writeFileSync(project, JSON.stringify(settings));
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project], {
    timeout: 120_000,
  });
}
