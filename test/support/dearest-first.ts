/**
 * The order of the test files: the longest first, so that both workers are busy until the end. Vitest knows by itself how long each took the
 * last time; a fresh clone, as CI's, has no last time.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Those that take eight seconds and more on two free cores, about the longest first; but those that keep both cores busy begin, so that
 * they are not beside those that look at the time.
 */
export const dearest: readonly string[] = [
  'test/journeys/kill.test.ts',
  'test/journeys/full.test.ts',
  'test/journeys/redis-two.test.ts',
  'test/buffer/redis-sendership.test.ts',
  'test/journeys/redis.test.ts',
  'test/journeys/destination.test.ts',
  'test/forward/sendership-redis.test.ts',
  'test/journeys/slow.test.ts',
  'test/journeys/profiles.test.ts',
  'test/mapping/hostile.test.ts',
  'test/journeys/overload.test.ts',
  'test/cli/move.test.ts',
  'test/journeys/stop.test.ts',
  'test/cli/try-relay.test.ts',
  'test/journeys/conservation.test.ts',
  'test/journeys/arm.test.ts',
  'test/journeys/second-chance.test.ts',
  'test/cli/doors.test.ts',
  'test/cli/send.test.ts',
  'test/image/dockerfile.test.ts',
  'test/conformance/sqlite.test.ts',
];

export class DearestFirst extends BaseSequencer {
  /** The rest as vitest has it: files with a process of their own, then those that share one. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = dearest.findIndex((path) => moduleId.endsWith(path));
      return place === -1 ? dearest.length : place;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}
