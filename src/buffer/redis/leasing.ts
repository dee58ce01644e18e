/**
 * Events out and done with. A lease is known to Redis by a token that begins with this relay's id: only who holds it can keep, begin or
 * give back what is leased, and when the answer of a lease was lost, what it took is given back once Redis answers again.
 */
import { newId } from '../../clock.ts';
import type { LeasedEvent, Route, UpdateRoute } from '../../model.ts';
import type { LeaseRequest, NewDeadLetter, Settlement } from '../contract.ts';
import { deliveryOfEvent } from '../event-ids.ts';
import { cutIntoPieces } from '../pieces.ts';
import type { Argument, Reply } from './connection.ts';
import { shardOf } from './keys.ts';
import { type Script, script } from './script.ts';
import type { Shard } from './shard.ts';
import { NeverAskedError, StoreUnavailableError } from './trouble.ts';

/** Of one script: about 5 ms. */
const rowsMax = 1_000;
/** Events leased at once over all destinations and relays, of one shard: ten relays' worth of what SQLite allows one. */
const leasesMax = 1_000_000;
/** Events whose lease a relay remembers; what it sends at once is far less. */
const heldMax = 400_000;
/** Tokens whose answers were lost; further ones come back when their leases end. */
const lostMax = 1_000;
/** For so long an abandoned lease takes nothing; a script that was under way comes much sooner. */
const rememberMs = 60_000;
/** position, id, time, since, attempts, JSON; of an update its key and whether it was begun, too. */
const stride = 6;
const updateStride = 8;

// All of these also when Redis has no memory left: sending is what makes room.
const leaseScript = script('lease', ['lanes', 'leases'], { allowOom: true });
const extendScript = script('extend', ['lanes', 'leases'], { allowOom: true });
const beginScript = script('begin', ['lanes', 'leases'], { allowOom: true });
const releaseScript = script('release', ['lanes', 'leases'], { allowOom: true });
const abandonScript = script('abandon', ['lanes', 'leases'], { allowOom: true });
const settleScript = script('settle', ['lanes', 'leases', 'queue', 'letters', 'replayed'], { allowOom: true });

export type LeasingOptions = {
  readonly shards: readonly Shard[];
  readonly holder: string;
  readonly now: () => number;
};

type Lost = { readonly shard: Shard; readonly rememberMs: number };

export class Leasing {
  readonly #options: LeasingOptions;
  /** By token. */
  readonly #lost = new Map<string, Lost>();
  /** By position: the token of its last lease. A release that is asked for again must not end a later lease of our own. */
  readonly #held = new Map<number, string>();
  #tokens = 0;

  constructor(options: LeasingOptions) {
    this.#options = options;
  }

  async lease(request: LeaseRequest): Promise<readonly LeasedEvent[]> {
    const { shards } = this.#options;
    const { destination, route = 'event', turns, bytesMax, olderThan } = request;
    const found: LeasedEvent[] = [];
    let bytes = 0;
    for (const shard of shards) {
      const left = olderThan ? olderThan.eventsMax - found.length : 1;
      if (left <= 0 || (found.length > 0 && bytes >= bytesMax)) break;
      const own = turns.filter(({ source }) => shardOf(source, shards.length) === shard.number);
      if (own.length === 0 && !olderThan) continue;
      const piece = { ...request, turns: own, bytesMax: bytesMax - bytes };
      if (olderThan) piece.olderThan = { ...olderThan, eventsMax: left };
      for (const event of await this.#leaseFrom(shard, piece, destination, route)) {
        bytes += Buffer.byteLength(event.json);
        found.push(event);
      }
    }
    return shards.length === 1 ? found : this.#inTurn(found, request);
  }

  /** Rejects when one of them is another relay's by now: who sends it after that would send it twice. */
  async extend(positions: readonly number[], leaseMs: number): Promise<void> {
    await this.#keep(extendScript, positions, [String(leaseMs)]);
  }

  async begin(positions: readonly number[]): Promise<void> {
    await this.#keep(beginScript, positions, []);
  }

  async release(positions: readonly number[], attempted: boolean): Promise<void> {
    await this.#each(positions, (shard, some) =>
      shard.insist(releaseScript, [attempted ? '1' : '', ...this.#named(some)]),
    );
    for (const position of positions) this.#held.delete(position);
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    const { shards, now } = this.#options;
    const at = now();
    const byShard = Map.groupBy(settlements, ({ position }) => position % shards.length);
    const pieces = [...byShard].flatMap(([number, some]) =>
      cutIntoPieces(some, rowsMax, () => 1).map(({ items }) => {
        const delivered: string[] = [];
        const dead: Argument[] = [];
        for (const one of items)
          if (one.state === 'delivered') delivered.push(String(one.position));
          else dead.push(String(one.position), ...deathOf(one.letter, at));
        const args = [String(at), String(delivered.length), ...delivered, ...dead];
        return (shards[number] as Shard).insist(settleScript, args);
      }),
    );
    await Promise.all(pieces);
    for (const { position } of settlements) this.#held.delete(position);
  }

  /** Called when Redis answers: what was leased without our knowing is given back. */
  async giveBackLost(shard: Shard): Promise<void> {
    const lost = [...this.#lost].filter(([, of]) => of.shard === shard);
    if (lost.length === 0) return;
    const longest = Math.max(...lost.map(([, of]) => of.rememberMs));
    await shard.call(abandonScript, [String(longest), ...lost.map(([token]) => token)]);
    for (const [token] of lost) this.#lost.delete(token);
  }

  async #leaseFrom(shard: Shard, request: LeaseRequest, destination: string, route: Route): Promise<LeasedEvent[]> {
    const { leaseMs, bytesMax, olderThan, turns } = request;
    const token = `${this.#options.holder}.${++this.#tokens}`;
    const older = olderThan ? [String(olderThan.time), String(olderThan.eventsMax)] : ['', '0'];
    const asked = [token, String(leaseMs), String(bytesMax), destination, route, ...older, String(leasesMax)];
    const named = turns.flatMap(({ source, eventsMax }) => [source, String(eventsMax)]);
    try {
      const [runs = [], rows = []] = (await shard.call(leaseScript, [...asked, ...named])) as (readonly Reply[])[];
      const events = eventsOf(runs, rows as readonly string[], destination, route);
      this.#hold(events, token);
      return events;
    } catch (error) {
      const unknown = error instanceof StoreUnavailableError && !(error instanceof NeverAskedError);
      if (unknown && this.#lost.size < lostMax)
        this.#lost.set(token, { shard, rememberMs: Math.max(rememberMs, leaseMs) });
      throw error;
    }
  }

  /** Of several shards: in the order of the turns, and no more bytes than asked for. */
  async #inTurn(found: readonly LeasedEvent[], { turns, bytesMax, olderThan }: LeaseRequest) {
    const places = new Map(turns.map(({ source }, at) => [source, at]));
    const placeOf = (event: LeasedEvent) => (olderThan ? event.time : (places.get(event.source) ?? 0));
    const sorted = [...found].sort((one, other) => placeOf(one) - placeOf(other));
    let bytes = 0;
    const fits = sorted.findIndex(({ json }, at) => {
      bytes += Buffer.byteLength(json);
      return at > 0 && bytes > bytesMax;
    });
    const kept = fits === -1 ? sorted : sorted.slice(0, fits);
    const extra = sorted.slice(kept.length).map(({ position }) => position);
    if (extra.length > 0) await this.release(extra, false);
    return kept;
  }

  #hold(events: readonly LeasedEvent[], token: string): void {
    for (const { position } of events) {
      // The oldest ones first: their leases have long ended.
      if (this.#held.size >= heldMax) this.#held.delete(this.#held.keys().next().value ?? position);
      this.#held.delete(position);
      this.#held.set(position, token);
    }
  }

  /** As the scripts take them: token, how many, positions; then the next token. */
  #named(positions: readonly number[]): string[] {
    const byToken = Map.groupBy(positions, (position) => this.#held.get(position) ?? '-');
    return [...byToken].flatMap(([token, some]) => [token, String(some.length), ...some.map(String)]);
  }

  async #keep(kept: Script, positions: readonly number[], first: readonly string[]): Promise<void> {
    await this.#each(positions, async (shard, some) => {
      const [lost] = await shard.call(kept, [...first, ...this.#named(some)]);
      if (lost !== 0) throw new Error(`the lease of ${lost} events has ended`);
    });
  }

  async #each(
    positions: readonly number[],
    ask: (shard: Shard, some: readonly number[]) => Promise<unknown>,
  ): Promise<void> {
    const { shards } = this.#options;
    const byShard = Map.groupBy(positions, (position) => position % shards.length);
    const pieces = [...byShard].flatMap(([number, some]) =>
      cutIntoPieces(some, rowsMax, () => 1).map(({ items }) => ask(shards[number] as Shard, items)),
    );
    await Promise.all(pieces);
  }
}

/** As settle.lua takes it: '' for the event's own. */
function deathOf({ reason, message, destination = '', eventJson = '', attempts }: NewDeadLetter, at: number): string[] {
  return [newId('ded', at), reason, message, destination, eventJson, String(attempts)];
}

/** `runs`: sources, each with how many of the rows are its. */
function eventsOf(runs: readonly Reply[], rows: readonly string[], destination: string, route: Route): LeasedEvent[] {
  const events: LeasedEvent[] = [];
  let at = 0;
  for (let run = 0; run < runs.length; run += 2) {
    const source = runs[run] as string;
    for (let left = runs[run + 1] as number; left > 0; left--) {
      const id = rows[at + 1] as string;
      events.push({
        position: Number(rows[at]),
        ...{ id, source, destination, delivery: deliveryOfEvent(id), json: rows[at + 5] as string },
        time: Number(rows[at + 2]),
        receivedAt: Number(rows[at + 3]),
        attempts: Number(rows[at + 4]),
        ...(route === 'event' ? null : { update: { route: route as UpdateRoute, key: rows[at + 6] as string } }),
        ...(route !== 'event' && rows[at + 7] === '1' ? { begun: true as const } : null),
      });
      at += route === 'event' ? stride : updateStride;
    }
  }
  return events;
}
