import { readFile } from 'node:fs/promises';

/** The script and the style of the page, as one text each. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/** Reads what `npm run build` bundled beside the built code. */
export async function readPageAssets(): Promise<PageAssets> {
  const [script, style] = await Promise.all(
    ['page.js', 'page.css'].map((name) => readFile(new URL(name, import.meta.url), 'utf8')),
  );
  return { script: script!, style: style! };
}
