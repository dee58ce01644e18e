/**
 * In a fresh clone: a relay is started and stopped once before any test. What a program compiled is written down only when it ends by
 * itself, and many a journey kills each of its relays, which would all compile everything anew.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { compiled, serve, temporaryFolder } from './program.ts';

export async function setup(): Promise<void> {
  if (existsSync(compiled)) return;
  using folder = temporaryFolder('first-start');
  const mappings = join(folder.path, 'mappings');
  mkdirSync(mappings);
  await using relay = await serve({
    MIXPANEL_TOKEN: 'token-of-the-first-start',
    RELAY_MAPPINGS_DIR: mappings,
    RELAY_DATA_DIR: join(folder.path, 'data'),
  });
  await relay.stop();
}
