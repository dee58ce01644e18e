/**
 * Steps of replays (promise 13). With one shard a step is one script: items, place and counts. With several each shard does its items
 * in one script and remembers up to which cursor, and then the record moves on: what ended in between is done once all the same.
 */
import type { ReplayItem, ReplayStep, StepDone } from '../replaying.ts';
import type { Argument, Reply } from './connection.ts';
import { shardOf } from './keys.ts';
import { letterRows } from './reading-letters.ts';
import { rowsOf } from './reading-pages.ts';
import { type Asked, askFailed, askRemap, askResend, type Standing } from './replay-plans.ts';
import type { ReplayRecords } from './replay-records.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

/** Looks and attempts at one step: between the two a delivery's events may be settled or leased. */
const roundsMax = 10;

const standScript = script('stand', ['lanes', 'leases', 'events', 'runs', 'standing']);
const stepScript = script('step', [
  ...['lanes', 'leases', 'events', 'queue', 'letters', 'room', 'bodies', 'fallen'],
  ...['runs', 'standing', 'replayed', 'moving'],
]);
const moveScript = script('move', ['moving']);

export type StepsOptions = {
  readonly shards: readonly Shard[];
  readonly records: ReplayRecords;
  /** Bytes of one shard, headroom included. */
  readonly bytesMax: number;
  readonly now: () => number;
};
/** `again`: a delivery stood otherwise when the script came to it. */
type Round = { readonly items: number; readonly again: boolean };
type Standings = ReadonlyMap<string, Standing>;
type Letters = Awaited<ReturnType<typeof letterRows>>['rows'];

export class ReplaySteps {
  readonly #options: StepsOptions;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  async step(step: ReplayStep): Promise<StepDone | null> {
    const { records } = this.#options;
    const record = await records.one(step.replay);
    if (!record) return null;
    if (record.state !== 'running' || !record.selecting || record.place.from !== step.from) return { record, items: 0 };
    let done = 0;
    let { from } = step;
    for (let round = 0; round < roundsMax; round++) {
      const { items, again } = await this.#round({ ...step, from, items: step.items.slice(done) });
      done += items;
      from = step.items[done - 1]?.cursor ?? from;
      if (!again) break;
    }
    const after = await records.one(step.replay);
    return after && { record: after, items: done };
  }

  async #round(step: ReplayStep): Promise<Round> {
    const { shards, now } = this.#options;
    const { items, replay } = step;
    const at = Math.trunc(now());
    const [standings, letters] = await Promise.all([this.#standings(items), this.#letters(items)]);
    const asked = items.map((item) => ask(item, replay, { standings, letters, at }));
    const places = items.map((item) => shardOfItem(item, letters, shards.length));
    if (shards.length === 1) return this.#whole(step, asked, at);
    return this.#parts(step, asked, places, at);
  }

  /** With one shard: all of it, or what there is before the first that is busy. */
  async #whole(step: ReplayStep, asked: readonly (Asked | 'busy')[], at: number): Promise<Round> {
    const given = untilBusy(asked);
    const all = given.length === step.items.length;
    if (!all && given.length === 0) return { items: 0, again: false };
    const to = all ? step.to : (step.items[given.length - 1]?.cursor ?? step.from);
    const ended = all && step.ended;
    return this.#send(this.#options.shards[0] as Shard, { ...step, to, ended }, given, at);
  }

  async #parts(
    step: ReplayStep,
    asked: readonly (Asked | 'busy')[],
    places: readonly number[],
    at: number,
  ): Promise<Round> {
    const { shards } = this.#options;
    const rounds = await Promise.all(
      shards.map((shard, number) => {
        const given = untilBusy(asked.filter((_, index) => places[index] === number));
        return given.length === 0 ? { items: 0, again: false } : this.#send(shard, step, given, at);
      }),
    );
    const left = rounds.map(({ items }) => items);
    const undone = places.findIndex((number) => {
      left[number] = (left[number] ?? 0) - 1;
      return (left[number] ?? 0) < 0;
    });
    const items = undone === -1 ? step.items.length : undone;
    const all = items === step.items.length;
    const to = all ? step.to : (step.items[items - 1]?.cursor ?? step.from);
    if (all || items > 0) {
      const args = [step.replay, String(step.from), String(to), all && step.ended ? '1' : '', String(at)];
      await (shards[0] as Shard).insist(moveScript, args);
    }
    return { items, again: !all && rounds.some(({ again }) => again) };
  }

  async #send(shard: Shard, step: ReplayStep, given: readonly Asked[], at: number): Promise<Round> {
    const { replay, from, to, ended } = step;
    const bytes = given.reduce((sum, one) => sum + one.bytes, 0);
    const args: Argument[] = [replay, String(from), String(to), ended ? '1' : '', String(at)];
    args.push(String(this.#options.bytesMax), String(bytes), ...given.flatMap((one) => one.args));
    const [items, why] = await shard.insist(stepScript, args);
    return { items: Number(items), again: why === 'changed' };
  }

  async #standings(items: readonly ReplayItem[]): Promise<Standings> {
    const { shards } = this.#options;
    const deliveries = items.flatMap((item) => (item.kind === 'remap' ? [item.mapped.delivery] : []));
    const byShard = Map.groupBy(deliveries, ({ source }) => shardOf(source, shards.length));
    const found = new Map<string, Standing>();
    await Promise.all(
      [...byShard].map(async ([number, some]) => {
        const [flat] = await (shards[number] as Shard).call(
          standScript,
          some.map(({ id }) => id),
        );
        rowsOf(flat, 3).forEach((row, index) => {
          const [stand = '', events = [], letters = []] = row as Reply[];
          found.set(some[index]?.id ?? '', [stand, events, letters]);
        });
      }),
    );
    return found;
  }

  async #letters(items: readonly ReplayItem[]): Promise<Letters> {
    const ids = items.flatMap((item) => (item.kind === 'resend' ? [item.letter] : []));
    return (await letterRows(this.#options.shards, ids, Number.MAX_SAFE_INTEGER)).rows;
  }
}

function ask(
  item: ReplayItem,
  replay: string,
  { standings, letters, at }: { standings: Standings; letters: Letters; at: number },
): Asked | 'busy' {
  if (item.kind === 'failed') return askFailed(item);
  if (item.kind === 'resend') return askResend(item, replay, letters.get(item.letter));
  return askRemap(item, replay, standings.get(item.mapped.delivery.id) ?? ['', [], []], at);
}

/** What is nowhere fails in the first. */
function shardOfItem(item: ReplayItem, letters: Letters, shards: number): number {
  if (item.kind === 'remap') return shardOf(item.mapped.delivery.source, shards);
  const letter = item.kind === 'resend' ? letters.get(item.letter)?.letter : undefined;
  return letter ? shardOf(letter.source, shards) : 0;
}

function untilBusy(asked: readonly (Asked | 'busy')[]): readonly Asked[] {
  const busy = asked.indexOf('busy');
  return (busy === -1 ? asked : asked.slice(0, busy)) as readonly Asked[];
}
