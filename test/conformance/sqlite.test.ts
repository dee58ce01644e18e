import { keeperConforms } from './keeper.ts';
import { keeperEqualsModel } from './keeper-model.ts';
import { keeperReads } from './keeper-reading.ts';
import { keeperReplays } from './keeper-replays.ts';
import { keeperLearnsSecrets } from './keeper-secrets.ts';
import { keeperSelects } from './keeper-selections.ts';
import { keeperCountsUnmapped } from './keeper-unmapped.ts';
import { keeperTakesTurns } from './keeper-updates.ts';
import { sqliteHarness } from './sqlite-harness.ts';

keeperConforms('SQLite', sqliteHarness);
keeperLearnsSecrets('SQLite', sqliteHarness);
keeperTakesTurns('SQLite', sqliteHarness);
keeperCountsUnmapped('SQLite', sqliteHarness);
keeperReads('SQLite', sqliteHarness);
keeperReplays('SQLite', sqliteHarness);
keeperSelects('SQLite', sqliteHarness);
keeperEqualsModel('SQLite', sqliteHarness, { runs: 30, commands: 80 });
