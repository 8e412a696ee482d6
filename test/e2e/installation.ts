import type { TestProject } from 'vitest/node';
import { buildProduct } from '../support/built-product.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder that holds the built product as a package does: `dist`, `templates`, `data`, `scripts`. */
    readonly installation: string;
  }
}

/** Builds the product once, before the first of these tests. */
export function setup(project: TestProject): () => void {
  const { folder, remove } = buildProduct();
  project.provide('installation', folder);
  return remove;
}
