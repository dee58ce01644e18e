/** The counts: of each shard in one snapshot, added up. */
import type { BufferTally, SourceTally } from '../contract.ts';
import { rowBytes } from './accepting.ts';
import type { Reply } from './connection.ts';
import { laneParts } from './keys.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

/** A webhook of some size. */
const probeBytes = 64 * 1024 + rowBytes;

const tallyScript = script('tally', ['lanes', 'leases', 'letters', 'events', 'room'], { allowOom: true });

type Counted = { -readonly [key in keyof SourceTally]: number };

export class Tallies {
  readonly #shards: readonly Shard[];
  readonly #bytesMax: number;
  /** Whether Redis has no memory left. */
  readonly #outOfMemory: () => boolean;

  constructor(shards: readonly Shard[], bytesMax: number, outOfMemory: () => boolean) {
    this.#shards = shards;
    this.#bytesMax = bytesMax;
    this.#outOfMemory = outOfMemory;
  }

  async tally(): Promise<BufferTally> {
    const share = String(Math.floor(this.#bytesMax / this.#shards.length));
    const replies = await Promise.all(
      this.#shards.map((shard) => shard.call(tallyScript, [share, String(probeBytes)])),
    );
    const waitingByDestination: Record<string, number> = {};
    const sources: Record<string, SourceTally> = {};
    const deadLetters: { source: string; reason: string; count: number }[] = [];
    let lastDeadLetterAt: number | null = null;
    let oldestWaitingAt: number | null = null;
    let bytesUsed = 0;
    let full = this.#outOfMemory();
    for (const [counts, lanes, letters, lastLetter, oldest, bytes, isFull] of replies) {
      addSources(sources, pairsOf(counts));
      for (const [lane, waiting] of pairsOf(lanes)) {
        const { destination } = laneParts(lane);
        waitingByDestination[destination] = (waitingByDestination[destination] ?? 0) + waiting;
      }
      for (const [kind, count] of pairsOf(letters)) {
        const [source = '', reason = ''] = kind.split(' ');
        deadLetters.push({ source, reason, count });
      }
      if (lastLetter) lastDeadLetterAt = Math.max(lastDeadLetterAt ?? 0, Number(lastLetter));
      if (oldest) oldestWaitingAt = Math.min(oldestWaitingAt ?? Number.POSITIVE_INFINITY, Number(oldest));
      bytesUsed += Number(bytes);
      full ||= isFull === 1;
    }
    return {
      ...{ sources, waitingByDestination, deadLetters, lastDeadLetterAt, oldestWaitingAt, bytesUsed },
      bytesMax: this.#bytesMax,
      full: full ? 'buffer' : null,
    };
  }
}

/** Fields are `<what> <source>`. */
function addSources(sources: Record<string, SourceTally>, fields: Iterable<readonly [string, number]>): void {
  const found = new Map<string, Partial<Counted>>();
  for (const [field, count] of fields) {
    const space = field.indexOf(' ');
    const source = field.slice(space + 1);
    const one = found.get(source) ?? {};
    found.set(source, one);
    one[field.slice(0, space) as keyof Counted] = count;
  }
  for (const [source, one] of found) {
    const { accepted = 0, duplicates = 0, mapped = 0, skipped = 0, failed = 0, created = 0, delivered = 0 } = one;
    const { dead = 0, lastAcceptedAt = null } = one;
    const unmapped = accepted - mapped - skipped - failed;
    const waiting = created - delivered - dead;
    const deliveries = { accepted, duplicates, unmapped, mapped, skipped, failed };
    sources[source] = { ...deliveries, created, waiting, delivered, dead, lastAcceptedAt };
  }
}

function* pairsOf(flat: Reply | undefined): Generator<readonly [string, number]> {
  const fields = flat as readonly string[];
  for (let at = 0; at < fields.length; at += 2) yield [fields[at] as string, Number(fields[at + 1])];
}
