import { defineConfig } from 'vitest/config';

// Mutation testing runs the kernel's tests once per mutant: few seeded cases each, no real files, and no
// compiler, which does not understand what Stryker makes of the sources.
export default defineConfig({
  test: {
    include: ['test/net/**/*.test.ts'],
    exclude: ['test/net/kernel-module.test.ts', 'node_modules/**'],
    testTimeout: 60_000,
    env: { NET_CASES: '250' },
  },
});
