import { defineConfig } from 'vitest/config';

// Two cores, three workers: a third of the time journeys wait for what other processes do. They get a generous bound; nothing here
// sleeps on purpose.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
