/** One delivery through a store up to the lease of its event, then a secret learned, in a process of its own: for tests that watch its syncs. */
import { writeSync } from 'node:fs';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import type { Delivery } from '../../src/model.ts';
import { mapped, webhook } from './buffer-fixtures.ts';

const [folder = ''] = process.argv.slice(2);
const buffer = await openSqliteBuffer({ folder, clock: systemClock, bytesMax: 1024 ** 3, keepDeliveriesMs: 3_600_000 });
buffer.failed.then((error) => {
  writeSync(1, `failed ${error.message}\n`);
  process.exit(1);
});
await buffer.accept(webhook(systemClock));
const [delivery] = await buffer.nextDeliveries({ after: 0, limit: 1, bytesMax: 1e6 });
const made = mapped(delivery as Delivery, 1);
await buffer.commitMapped([made]);
writeSync(1, 'mapped\n');
const { destination } = made.events[0] as { destination: string };
const turns = [{ source: (delivery as Delivery).source, eventsMax: 1 }];
const leased = await buffer.lease({ destination, turns, bytesMax: 1e6, leaseMs: 60_000 });
writeSync(1, `leased ${leased.length}\n`);
await buffer.arm('asana', systemClock.now() + 60_000);
writeSync(1, 'armed\n');
writeSync(1, `${await buffer.learnSecret('asana', 'secret', systemClock.now())}\n`);
process.exit(0);
