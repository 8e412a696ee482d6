import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { workPath } from './inputs.js';

/**
 * A program of bench/programs with all that it imports in one file, as a tool would be shipped: loading the
 * twenty modules of the kernel one by one costs a quarter of an empty node. Returns the file's path.
 */
export function bundled(name) {
  const outfile = workPath(name.replace(/\.js$/, '.cjs'));
  buildSync({
    entryPoints: [programPath(name)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'error',
  });
  return outfile;
}

export function programPath(name) {
  return fileURLToPath(new URL(`./programs/${name}`, import.meta.url));
}
