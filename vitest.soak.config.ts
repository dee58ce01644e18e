import { defineConfig } from 'vitest/config';

// The long runs, one after the other: they measure, and two at once would measure each other.
// biome-ignore lint/style/noDefaultExport: vitest reads the default export of its configuration
export default defineConfig({
  test: {
    include: ['test/soak/**/*.soak.ts'],
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 600_000,
  },
});
