import { defineConfig } from 'vitest/config';

/** Where a machine-readable report goes, beside the one for people. */
const report = process.env.TEST_REPORT;

// Live tests load rule files into the real programs, which bind ports and create
// network namespaces: one file at a time.
export default defineConfig({
  test: {
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    include: ['test/live/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
