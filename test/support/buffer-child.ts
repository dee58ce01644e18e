/**
 * A relay's store in a process of its own, for tests that kill it: accepts for ever from a few clients and writes each
 * acknowledged id on a line of stdout; ends at the first refusal. Arguments: folder, clients, bytes of a body.
 */
import { writeSync } from 'node:fs';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { webhook } from './buffer-fixtures.ts';

const [folder = '', clients = '8', bytes = '300'] = process.argv.slice(2);
const buffer = await openSqliteBuffer({ folder, clock: systemClock, bytesMax: 1024 ** 3, keepDeliveriesMs: 3_600_000 });
buffer.failed.then((error) => {
  writeSync(1, `failed ${error.message}\n`);
  process.exit(1);
});
writeSync(1, 'open\n');
const body = new Uint8Array(Number(bytes)).fill(120);
for (let client = 0; client < Number(clients); client++) void acceptForEver();

async function acceptForEver(): Promise<void> {
  for (;;) {
    const accepted = await buffer.accept(webhook(systemClock, { body }));
    if (accepted.status === 'accepted') writeSync(1, `${accepted.id}\n`);
    else {
      writeSync(1, `${accepted.status}\n`);
      process.exit(0);
    }
  }
}
