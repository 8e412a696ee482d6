import type { TestProject } from 'vitest/node';
import { buildProduct } from '../support/built-product.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder that holds the built product as a package does: `dist/program`, `templates`, `data`, `scripts`. */
    readonly installation: string;
    /** For each file of the built program, the sources that are in it, relative to the repository. */
    readonly sources: Readonly<Record<string, readonly string[]>>;
  }
}

/** Builds the product once, before the first of these tests. */
export async function setup(project: TestProject): Promise<() => void> {
  const { folder, sources, remove } = await buildProduct();
  project.provide('installation', folder);
  project.provide('sources', Object.fromEntries(sources));
  return remove;
}
