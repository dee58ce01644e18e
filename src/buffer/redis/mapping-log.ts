/**
 * The log's side towards mapping: what is to be mapped next, and what it became. What is handed out is claimed by this relay: no other
 * is given it while this one lives (`claimMs`), and what is claimed is given to it again when it asks from the start.
 */
import { newId } from '../../clock.ts';
import type { Delivery, RawDelivery } from '../../model.ts';
import type { MappedDelivery, NewDeadLetter } from '../contract.ts';
import { cutIntoPieces } from '../pieces.ts';
import type { Argument, Reply } from './connection.ts';
import { shardOf } from './keys.ts';
import type { Positions } from './positions.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';
import { isOutOfMemory } from './trouble.ts';

/** Rows of one script: about 5 ms, for everybody waits behind it. */
const rowsMax = 200;
/** What rows weigh besides their JSON and words; of an event the head of its text is included (events.lua, letters.lua). */
export const eventBytes = 500;
export const letterBytes = 900;
/** Claims of others are looked at so often; at once again when some had been taken over. */
const takeOverEveryMs = 1_000;

const nextScript = script('next', [], { allowOom: true });
const commitPieces = ['lanes', 'events', 'queue', 'letters', 'room', 'bodies', 'fallen'];
const commitScript = script('commit', commitPieces);
/** When Redis has no memory left: piece by piece, or what is not mapped could never leave it. */
const commitAnyway = script('commit', commitPieces, { allowOom: true });

type NextRequest = { readonly after: number; readonly limit: number; readonly bytesMax: number };
/** Where this relay is in a shard. */
type Place = { ownAfter: number; lookedAt: number };
type Facts = [
  source: string,
  provider: string,
  type: string | null,
  key: string | null,
  receivedAt: number,
  bytes: number,
];

export type MappingLogOptions = {
  readonly shards: readonly Shard[];
  readonly positions: Positions;
  /** A claim that was not renewed for so long is another relay's. */
  readonly claimMs: number;
  /** Bytes of one shard, headroom included. */
  readonly bytesMax: number;
  readonly now: () => number;
  readonly monotonic: () => number;
};

export class MappingLog {
  readonly #options: MappingLogOptions;
  readonly #places: readonly Place[];
  /** The last position that was handed out: who asks from there on goes on, and is given others' leavings of before it, too. */
  #last = 0;
  /** The shard that is asked first, in turn. */
  #first = 0;

  constructor(options: MappingLogOptions) {
    this.#options = options;
    this.#places = options.shards.map(() => ({ ownAfter: 0, lookedAt: Number.NEGATIVE_INFINITY }));
  }

  async next({ after, limit, bytesMax }: NextRequest): Promise<readonly Delivery[]> {
    const { shards } = this.#options;
    const goesOn = after > 0 && after === this.#last;
    if (!goesOn) for (const place of this.#places) place.ownAfter = after;
    const found: Delivery[] = [];
    let bytes = 0;
    this.#first = (this.#first + 1) % shards.length;
    for (let turn = 0; turn < shards.length; turn++) {
      const at = (this.#first + turn) % shards.length;
      if (found.length >= limit || (found.length > 0 && bytes >= bytesMax)) break;
      const request = { after: goesOn ? 0 : after, limit: limit - found.length, bytesMax: bytesMax - bytes };
      const some = await this.#nextOf(shards[at] as Shard, this.#places[at] as Place, request);
      for (const delivery of some) bytes += delivery.body.byteLength;
      found.push(...some);
    }
    found.sort((one, other) => one.position - other.position);
    this.#last = found.at(-1)?.position ?? 0;
    return found;
  }

  /** Each delivery in one transaction with its events. */
  async commit(batch: readonly MappedDelivery[]): Promise<void> {
    const { shards } = this.#options;
    // A kilobyte weighs as a row.
    const weight = ({ events, dead, maskedBody }: MappedDelivery) => {
      const bytes = Math.floor((maskedBody?.length ?? 0) / 1024);
      return events.reduce((sum, { json }) => sum + 1 + Math.floor(json.length / 1024), 1 + dead.length + bytes);
    };
    const byShard = Map.groupBy(batch, ({ delivery }) => shardOf(delivery.source, shards.length));
    await Promise.all(
      [...byShard].map(async ([at, some]) => {
        // One after the other: Redis would do all that is there from one relay before it turns to what comes in.
        for (const { items } of cutIntoPieces(some, rowsMax, weight)) await this.#commitTo(shards[at] as Shard, items);
      }),
    );
  }

  async #nextOf(shard: Shard, place: Place, { after, limit, bytesMax }: NextRequest): Promise<readonly Delivery[]> {
    const { claimMs, monotonic } = this.#options;
    const looks = monotonic() - place.lookedAt >= takeOverEveryMs;
    const args = [place.ownAfter, after, limit, bytesMax].map(String);
    const reply = await shard.call(nextScript, [...args, looks ? String(claimMs) : ''], { bytes: true });
    place.ownAfter = Number(String(reply[0]));
    if (looks && reply[1] === 0) place.lookedAt = monotonic();
    const found: Delivery[] = [];
    for (let at = 2; at < reply.length; at += 5) found.push(deliveryOf(reply.slice(at, at + 5)));
    return found;
  }

  async #commitTo(shard: Shard, batch: readonly MappedDelivery[]): Promise<void> {
    const { positions, bytesMax, now } = this.#options;
    const at = now();
    const args: Argument[] = [];
    let [bytes, eventCount] = [0, 0];
    for (const { delivery, state, events, dead, forgetBody, maskedBody } of batch) {
      const becomes = forgetBody ? 'f' : maskedBody ? 'm' : '';
      const body = becomes === 'm' && maskedBody ? Buffer.from(maskedBody) : '';
      args.push(delivery.id, state.charAt(0), becomes, body, String(events.length), String(dead.length));
      eventCount += events.length;
      for (const { id, destination, update, time, json } of events) {
        bytes += eventBytes + json.length;
        const [route, key] = [update?.route ?? 'event', update?.key ?? ''];
        args.push(id, destination, route, key, String(Math.trunc(time)), json);
      }
      for (const letter of dead) {
        bytes += letterBytes + letter.message.length + (letter.eventJson?.length ?? 0);
        args.push(...letterArguments(letter, at));
      }
    }
    const shared = [positions.highest, at, bytesMax, bytes, eventCount].map(String);
    try {
      await shard.call(commitScript, [...shared, '', ...args]);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      await shard.call(commitAnyway, [...shared, '1', ...args]);
    }
  }
}

/** As letters.lua takes it: '' for what is not there. */
export function letterArguments(letter: NewDeadLetter, at: number): string[] {
  const { kind, reason, message, destination = '', eventJson = '', attempts } = letter;
  return [newId('ded', at), kind, reason, message, destination, eventJson, String(attempts)];
}

function deliveryOf(row: readonly Reply[]): Delivery {
  const [position, id, facts, head, body] = row as [Buffer, Buffer, Buffer, Buffer, Buffer];
  return readDelivery(Number(position.toString()), id.toString(), facts.toString(), head.toString(), body);
}

/** A delivery as its hash holds it (keys.ts). */
export function readDelivery(position: number, id: string, facts: string, head: string, body: Uint8Array): Delivery {
  const [source, provider, type, key, receivedAt] = JSON.parse(facts) as Facts;
  const { method, headers, query } = JSON.parse(head) as Pick<RawDelivery, 'method' | 'headers' | 'query'>;
  const request = { method, headers, query, body };
  return { id, position, identity: key ?? id, source, provider, key, type, receivedAt, ...request };
}
