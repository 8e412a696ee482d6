import { defineConfig } from 'vitest/config';

// Live tests load rule files into the real programs, which bind ports and create
// network namespaces: one file at a time.
export default defineConfig({
  test: {
    include: ['test/live/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
