import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { compileKernel } from '../../scripts/compile-kernel.js';

it('the WebAssembly module is what its sources compile to', { timeout: 120_000 }, async () => {
  const module = readFileSync(new URL('../../src/net/kernel-module.ts', import.meta.url), 'utf8');
  expect(module, 'run "npm run kernel"').toBe(await compileKernel());
});
