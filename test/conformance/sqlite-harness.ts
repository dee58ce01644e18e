/** A keeper of SQLite in a folder of its own, which it finds again after a crash. */
import { rm } from 'node:fs/promises';
import { openSqliteBuffer, type SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { movedClock } from '../support/buffer-fixtures.ts';
import { memoryFolder } from '../support/memory-folder.ts';
import { type Harness, keepDeliveriesMs } from './keeper.ts';

export async function sqliteHarness(): Promise<Harness> {
  const folder = await memoryFolder('buffer');
  const clock = movedClock();
  const open = () => openSqliteBuffer({ folder, clock, bytesMax: 64 * 1024 * 1024, keepDeliveriesMs });
  return {
    clock,
    open,
    async crashAndReopen(keeper) {
      await (keeper as SqliteBuffer).crash();
      return open();
    },
    async remove(keeper) {
      await (keeper as SqliteBuffer).crash();
      await rm(folder, { recursive: true });
    },
  };
}
