import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Where a machine-readable report goes, beside the one for people. */
const report = process.env.TEST_REPORT;

const limits = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    // On two cores vitest would leave one of them idle; most of these tests wait for programs that they start.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      {
        test: {
          ...limits,
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: ['test/live/**', 'test/e2e/**', 'node_modules/**'],
        },
      },
      {
        // The command line as it is installed: built once, before the first of these tests.
        test: {
          ...limits,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/installation.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
