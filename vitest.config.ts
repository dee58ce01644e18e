import { defineConfig } from 'vitest/config';
import { compiled } from './test/support/program.ts';

// Two cores: two workers; a third one saves a minute and has tests that look at the time turn red. Journeys start real processes and
// get a generous bound; nothing here sleeps on purpose.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    maxWorkers: 2,
    // For the threads of stores that tests open themselves.
    env: { NODE_COMPILE_CACHE: compiled },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
