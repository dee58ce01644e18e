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
import { HeldLeases, type Lease, type LeasedRow } from './held-leases.ts';
import { laneName, shardOf } from './keys.ts';
import { rowsOf } from './reading-pages.ts';
import { type Script, script } from './script.ts';
import type { Shard } from './shard.ts';
import { NeverAskedError, StoreUnavailableError } from './trouble.ts';

/** Of one script: about 5 ms. */
const rowsMax = 1_000;
/** Of a script that goes through leases, which it does as a whole: more than a lease has. */
const leasedMax = 10_000;
/** Leases at once over all destinations and relays, of one shard; a relay that sends has a few hundred. */
const leasesMax = 10_000;
/** Tokens whose answers were lost; further ones come back when their leases end. */
const lostMax = 1_000;
/** For so long an abandoned lease takes nothing; a script that was under way comes much sooner. */
const rememberMs = 60_000;
/** position, delivery, since. */
const knownStride = 3;

// All of these also when Redis has no memory left: sending is what makes room.
const leaseScript = script('lease', ['lanes', 'leases'], { allowOom: true });
const extendScript = script('extend', ['lanes', 'leases', 'events'], { allowOom: true });
const beginScript = script('begin', ['lanes', 'leases'], { allowOom: true });
const releaseScript = script('release', ['lanes', 'leases'], { allowOom: true });
const abandonScript = script('abandon', ['lanes', 'leases'], { allowOom: true });
const settleScript = script('settle', ['lanes', 'leases', 'events', 'queue', 'letters', 'replayed'], {
  allowOom: true,
});

export type LeasingOptions = {
  readonly shards: readonly Shard[];
  readonly holder: string;
  readonly now: () => number;
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Lost = { readonly shard: Shard; readonly rememberMs: number };

export class Leasing {
  readonly #options: LeasingOptions;
  /** By token. */
  readonly #lost = new Map<string, Lost>();
  readonly #held = new HeldLeases();
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
        if (shards.length > 1) bytes += Buffer.byteLength(event.json);
        found.push(event);
      }
    }
    return shards.length === 1 ? found : this.#inTurn(found, request);
  }

  /** Rejects when one of them is another relay's by now: who sends it after that would send it twice. */
  async extend(positions: readonly number[], leaseMs: number): Promise<void> {
    await this.#keep(extendScript, positions, [String(leaseMs)], (moved, some) => {
      for (const [to, from] of rowsOf(moved, 2)) this.#held.moved(some, String(to), String(from));
    });
  }

  async begin(positions: readonly number[]): Promise<void> {
    await this.#keep(beginScript, positions, [], () => {});
  }

  async release(positions: readonly number[], attempted: boolean): Promise<void> {
    await this.#each(positions, (shard, some) =>
      shard.insist(releaseScript, [attempted ? '1' : '', ...this.#held.named(some)]),
    );
    this.#held.forget(positions);
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    const { shards, now } = this.#options;
    const at = now();
    const byShard = Map.groupBy(settlements, ({ position }) => position % shards.length);
    await Promise.all(
      [...byShard].map(async ([number, some]) => {
        const ended = this.#held.endedBy(some.map(({ position }) => position));
        const pieces = cutIntoPieces(some, rowsMax, () => 1);
        // One after the other, so that what comes in has its turn between them.
        for (const [piece, { items }] of pieces.entries()) {
          const tokens = piece === pieces.length - 1 ? ended : [];
          const args = [String(at), String(tokens.length), ...tokens, ...this.#settlements(items, at)];
          await (shards[number] as Shard).insist(settleScript, args);
        }
      }),
    );
    this.#held.forget(settlements.map(({ position }) => position));
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
      const reply = (await shard.call(leaseScript, [...asked, ...named])) as readonly (readonly string[])[];
      const rows = leasedRows(reply, { token, left: 0 }, destination, route);
      this.#held.hold(rows);
      return rows.map(({ event }) => event);
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

  /** As settle.lua takes them. Of plain events that are remembered it reads nothing; of others the position says enough. */
  #settlements(items: readonly Settlement[], at: number): Argument[] {
    const known = new Map<string, string[]>();
    const others: string[] = [];
    const dead: Argument[] = [];
    for (const one of items) {
      const { position } = one;
      const row = this.#held.row(position);
      if (one.state === 'dead') dead.push(String(position), ...deathOf(one.letter, at));
      else if (!row || row.event.update) others.push(String(position));
      else {
        const { destination, source, delivery, receivedAt } = row.event;
        const lane = laneName(destination, 'event', source);
        const rows = known.get(lane) ?? [];
        known.set(lane, rows);
        rows.push(String(position), delivery, row.alone ? String(receivedAt) : '');
      }
    }
    const lanes = [...known].flatMap(([lane, rows]) => [lane, String(rows.length / knownStride), ...rows]);
    return [String(known.size), ...lanes, String(others.length), ...others, ...dead];
  }

  async #keep(
    kept: Script,
    positions: readonly number[],
    first: readonly string[],
    then: (reply: Reply | undefined, some: readonly number[]) => void,
  ): Promise<void> {
    await this.#each(positions, async (shard, some) => {
      const [lost, more] = await shard.call(kept, [...first, ...this.#held.named(some)]);
      then(more, some);
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
      cutIntoPieces(some, leasedMax, () => 1).map(({ items }) => ask(shards[number] as Shard, items)),
    );
    await Promise.all(pieces);
  }
}

/** As settle.lua takes it: '' for the event's own. */
function deathOf({ reason, message, destination = '', eventJson = '', attempts }: NewDeadLetter, at: number): string[] {
  return [newId('ded', at), reason, message, destination, eventJson, String(attempts)];
}

/** As lease.lua answers: runs of sources, texts by position, attempts of some, and keys of updates. Two thousand at a time: nothing is spread. */
function leasedRows(
  reply: readonly (readonly string[])[],
  lease: Lease,
  destination: string,
  route: Route,
): LeasedRow[] {
  const [runs = [], texts = [], tries = [], keys = []] = reply;
  const attempts = new Map(rowsOf(tries, 2).map(([position, count]) => [position, Number(count)]));
  const rows: LeasedRow[] = [];
  let at = 0;
  for (let run = 0; run < runs.length; run += 2) {
    const source = runs[run] as string;
    for (let left = Number(runs[run + 1]); left > 0; left--) {
      const position = texts[at] as string;
      const text = texts[at + 1] as string;
      // Lane, since, time, id, whether it is alone; the JSON is on the next line (keys.ts).
      const sinceAt = text.indexOf(' ') + 1;
      const timeAt = text.indexOf(' ', sinceAt) + 1;
      const idAt = text.indexOf(' ', timeAt) + 1;
      const aloneAt = text.indexOf(' ', idAt) + 1;
      const id = text.slice(idAt, aloneAt - 1);
      const event: Mutable<LeasedEvent> = {
        position: Number(position),
        id,
        source,
        destination,
        delivery: deliveryOfEvent(id),
        json: text.slice(text.indexOf('\n', aloneAt) + 1),
        time: Number(text.slice(timeAt, idAt - 1)),
        receivedAt: Number(text.slice(sinceAt, timeAt - 1)),
        attempts: attempts.size === 0 ? 0 : (attempts.get(position) ?? 0),
      };
      if (route !== 'event') {
        event.update = { route: route as UpdateRoute, key: keys[at] as string };
        if (keys[at + 1] === '1') event.begun = true;
      }
      rows.push({ event, alone: text.charAt(aloneAt) === '1', lease });
      at += 2;
    }
  }
  return rows;
}
