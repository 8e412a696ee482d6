import { defineConfig } from 'vitest/config';
import { ProgramsTable } from './test/support/programs-table.ts';

/** Where a machine-readable report goes, beside the one for people. */
const report = process.env.TEST_REPORT;

// Live tests load rule files into the real programs, each file in network namespaces, folders and on ports of its own:
// two files at a time, as much of their time is waiting.
export default defineConfig({
  test: {
    reporters: ['default', new ProgramsTable(), ...(report === undefined ? [] : ['json' as const])],
    ...(report !== undefined && { outputFile: { json: report } }),
    include: ['test/live/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
  },
});
