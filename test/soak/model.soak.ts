/** What `npm test` asks of each keeper in some tens of random sequences, in some thousands: rare orders of calls are found here. */
import { afterAll, beforeAll } from 'vitest';
import { keeperEqualsModel } from '../conformance/keeper-model.ts';
import { harnessOf } from '../conformance/redis-harness.ts';
import { sqliteHarness } from '../conformance/sqlite-harness.ts';
import { inMemory } from '../support/memory-folder.ts';
import { RedisServer } from '../support/redis-server.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start({}, inMemory);
});
afterAll(() => server.remove());

const size = { runs: 2_000, commands: 100 };
keeperEqualsModel('SQLite', sqliteHarness, size);
keeperEqualsModel('Redis', () => harnessOf(server, 1), size);
