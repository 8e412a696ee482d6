import { defineConfig } from 'vitest/config';

// Mutation testing runs the kernel's tests once per mutant: few seeded cases each, and no real files.
export default defineConfig({
  test: {
    include: ['test/net/**/*.test.ts'],
    exclude: ['test/net/python.test.ts', 'node_modules/**'],
    testTimeout: 60_000,
    env: { NET_CASES: '250' },
  },
});
