import { defineConfig } from 'vitest/config';
import { DearestFirst } from './test/support/dearest-first.ts';
import { compiled } from './test/support/program.ts';

/**
 * Rooms whose tests compute, and neither start programs nor race a moved clock against a socket: their files share two processes, so that
 * modules are loaded twice and not once for each file.
 */
const together = ['admin', 'body', 'config', 'destinations', 'house', 'mappings', 'observe', 'verify'].map(
  (room) => `test/${room}/**/*.test.ts`,
);

// Two cores: two workers; a third one saves a minute and has tests that look at the time turn red. Journeys start real processes and
// get a generous bound; nothing here sleeps on purpose.
export default defineConfig({
  test: {
    maxWorkers: 2,
    globalSetup: './test/support/first-start.ts',
    sequence: { sequencer: DearestFirst },
    // For the threads of stores that tests open themselves.
    env: { NODE_COMPILE_CACHE: compiled },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      { extends: true, test: { name: 'apart', include: ['test/**/*.test.ts'], exclude: together } },
      { extends: true, test: { name: 'together', include: together, isolate: false } },
    ],
  },
});
