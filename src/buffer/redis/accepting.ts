/** Deliveries in: those of one turn of the event loop go to their shard as one script, which is answered when it is on disk. */
import { AcceptLane, type Incoming } from '../accept-lane.ts';
import { type Accepted, BufferFullError } from '../contract.ts';
import type { Argument, Reply } from './connection.ts';
import { seenKeyHash, shardOf } from './keys.ts';
import type { Positions } from './positions.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

/** Said with a refusal: long enough for some batches to leave, short enough to be tried within a provider's patience. */
const retryAfterSeconds = 30;
/** Types are for lists: longer ones are cut, so that a body sized one cannot fill an index. */
const typeLengthMax = 200;
/** A delivery's hash, its places in sorted sets and its key besides its texts; measured with MEMORY USAGE. */
export const rowBytes = 1_500;

const acceptScript = script('accept', ['letters', 'events', 'room', 'types']);

export type AcceptingOptions = {
  readonly shards: readonly Shard[];
  readonly positions: Positions;
  readonly keepDeliveriesMs: number;
  /** Of one shard. */
  readonly bytesMax: number;
  /** A delivery that is not kept within this is refused. */
  readonly acceptMs: number;
  readonly onAccepted: () => void;
  /** Redis has no memory left, whatever our own bound says. */
  readonly onOutOfMemory: () => void;
};

export class Accepting {
  readonly #options: AcceptingOptions;
  readonly #lanes: readonly AcceptLane[];

  constructor(options: AcceptingOptions) {
    this.#options = options;
    this.#lanes = options.shards.map(
      (shard) => new AcceptLane((batch) => this.#send(shard, batch), options.onAccepted),
    );
  }

  accept(delivery: Incoming['delivery']): Promise<Accepted> {
    const lane = this.#lanes[shardOf(delivery.source, this.#lanes.length)] as AcceptLane;
    return lane.accept(delivery);
  }

  async drained(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.drained()));
  }

  async #send(shard: Shard, batch: readonly Incoming[]): Promise<readonly Accepted[]> {
    const { positions, keepDeliveriesMs, bytesMax, acceptMs, onOutOfMemory } = this.#options;
    // Redis wants a time to live that is whole and more than none.
    const keepMs = Math.max(1, Math.trunc(keepDeliveriesMs));
    const shared = [positions.highest, keepMs, bytesMax, rowBytes].map(String);
    const end = positions.accepting();
    try {
      const reply = await shard.call(acceptScript, [...shared, ...batch.flatMap(argumentsOf)], {
        deadlineMs: acceptMs,
        door: true,
      });
      positions.saw(Number(reply[0]));
      const answers = reply[1] as readonly Reply[];
      return batch.map(({ id }, index): Accepted => {
        const answer = answers[index];
        if (answer === '') return { status: 'accepted', id };
        if (answer === 'F') return { status: 'full', retryAfterSeconds };
        return { status: 'duplicate', id: String(answer) };
      });
    } catch (error) {
      if (!(error instanceof BufferFullError)) throw error;
      onOutOfMemory();
      return batch.map(() => ({ status: 'full', retryAfterSeconds }));
    } finally {
      end();
    }
  }
}

function argumentsOf({ id, delivery, head }: Incoming): Argument[] {
  const { source, provider, receivedAt, body } = delivery;
  // Half a character would be no JSON to Lua, and what it cannot read is never mapped.
  const key = delivery.key?.toWellFormed() ?? null;
  const type = delivery.type === null ? null : typeInIndex(delivery.type).slice(1);
  const at = Math.trunc(receivedAt);
  const facts = JSON.stringify([source, provider, type, key, at, body.byteLength]);
  const hashed = key === null ? '' : seenKeyHash(source, key);
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return [id, source, hashed, String(at), facts, type === null ? '-' : typeInIndex(type), head, bytes];
}

/** How an index names a type (`kind` of keys.ts). */
export function typeInIndex(type: string): string {
  return `=${type.slice(0, typeLengthMax).toWellFormed()}`;
}
