/** The store of a relay: a folder of its own, or a Redis that it shares with others. */
import type { BufferKeeper } from '../buffer/contract.ts';
import { openRedisBuffer } from '../buffer/redis/keeper.ts';
import { openSqliteBuffer } from '../buffer/sqlite/keeper.ts';
import type { Clock } from '../clock.ts';
import type { Settings } from '../config/settings.ts';

export type Store = {
  readonly buffer: BufferKeeper;
  /** Other relays may use it at the same time. */
  readonly shared: boolean;
  /** False while it is away, as far as is known: nothing can be kept then. */
  readonly answering: () => boolean;
  /** What it may lose, in words: health warns of it. */
  readonly warnings: () => readonly string[];
  /** To be masked wherever something is said. */
  readonly secrets: readonly string[];
};

type StoreSettings = Pick<Settings, 'dataDir' | 'redis' | 'bufferBytesMax' | 'keepDeliveriesMs'>;

export async function openStore(settings: StoreSettings, clock: Clock): Promise<Store> {
  const { redis, dataDir, bufferBytesMax: bytesMax, keepDeliveriesMs } = settings;
  if (redis === null) {
    const buffer = await openSqliteBuffer({ folder: dataDir, clock, bytesMax, keepDeliveriesMs });
    return { buffer, shared: false, answering: () => true, warnings: () => [], secrets: [] };
  }
  const buffer = await openRedisBuffer({ ...redis, clock, bytesMax, keepDeliveriesMs });
  const known = { answering: () => buffer.answering, warnings: () => buffer.warnings };
  return { buffer, shared: true, ...known, secrets: passwordsIn(redis.url) };
}

/** As it stands in the URL, and as it is. */
function passwordsIn(url: string): readonly string[] {
  const { password } = new URL(url);
  return password === '' ? [] : [...new Set([password, decodeURIComponent(password)])];
}
