// Bundles the script and the style of the HTML review into dist/review/html/, from the modules under
// src/review/html/page/. `npm run build` runs it after tsc.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Nothing in the bundle names a path or a time: same sources, same bytes. */
export async function bundlePage() {
  const source = (name) => fileURLToPath(new URL(`../src/review/html/page/${name}`, import.meta.url));
  const bundle = async (entry) => {
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      minify: true,
      format: 'iife',
      target: ['chrome109', 'firefox115', 'safari16'],
      charset: 'utf8',
      legalComments: 'none',
    });
    return outputFiles[0].text.trim();
  };
  return { script: await bundle(source('main.ts')), style: await bundle(source('page.css')) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const directory = new URL('../dist/review/html/', import.meta.url);
  await mkdir(directory, { recursive: true });
  const { script, style } = await bundlePage();
  await writeFile(new URL('page.js', directory), script);
  await writeFile(new URL('page.css', directory), style);
}
