/** All keys of a shard as they lie, for what no list leads to, and to count them. */
import type { CarriedKey } from '../carrying.ts';
import type { Reply } from './connection.ts';
import { rowsOf } from './reading-pages.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

const scanScript = script('carryscan', ['lanes', 'events'], { allowOom: true });
const keysAtOnce = 500;

export type Scanned = {
  readonly keys: readonly CarriedKey[];
  /** Positions of events that wait and whose delivery is gone. */
  readonly orphans: readonly number[];
  readonly events: number;
  readonly waiting: number;
  readonly bodies: number;
  readonly unmapped: number;
};

/** What comes or ends meanwhile may be met or not; what stays is met, and met once unless Redis shrinks a table just then. */
export async function* walkKeys(shard: Shard): AsyncGenerator<Scanned> {
  let cursor = '0';
  do {
    const [next, seen, orphans, ...counts] = await shard.insist(scanScript, [cursor, String(keysAtOnce)]);
    cursor = String(next);
    const [events = 0, waiting = 0, bodies = 0, unmapped = 0] = counts.map(Number);
    yield {
      keys: rowsOf(seen, 4).map((row) => keyOf(row.map(String), shard.number)),
      orphans: (orphans as readonly Reply[]).map(Number),
      ...{ events, waiting, bodies, unmapped },
    };
  } while (cursor !== '0');
}

function keyOf([hash = '', value = '', endsAt, facts = '']: readonly string[], shard: number): CarriedKey {
  const space = value.indexOf(' ');
  return {
    hash: Buffer.from(hash, 'base64url'),
    source: facts === '' ? null : ((JSON.parse(facts) as [string])[0] ?? null),
    ...{ shard, id: value.slice(space + 1), receivedAt: Number(value.slice(0, space)), endsAt: Number(endsAt) },
  };
}
