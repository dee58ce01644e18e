import { rm } from 'node:fs/promises';
import { openSqliteBuffer, type SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { movedClock } from '../support/buffer-fixtures.ts';
import { memoryFolder } from '../support/memory-folder.ts';
import { type Harness, keepDeliveriesMs, keeperConforms } from './keeper.ts';
import { keeperEqualsModel } from './keeper-model.ts';
import { keeperReads } from './keeper-reading.ts';
import { keeperReplays } from './keeper-replays.ts';
import { keeperLearnsSecrets } from './keeper-secrets.ts';
import { keeperSelects } from './keeper-selections.ts';
import { keeperCountsUnmapped } from './keeper-unmapped.ts';
import { keeperTakesTurns } from './keeper-updates.ts';

async function sqliteHarness(): Promise<Harness> {
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

keeperConforms('SQLite', sqliteHarness);
keeperLearnsSecrets('SQLite', sqliteHarness);
keeperTakesTurns('SQLite', sqliteHarness);
keeperCountsUnmapped('SQLite', sqliteHarness);
keeperReads('SQLite', sqliteHarness);
keeperReplays('SQLite', sqliteHarness);
keeperSelects('SQLite', sqliteHarness);
keeperEqualsModel('SQLite', sqliteHarness, { runs: 30, commands: 50 });
