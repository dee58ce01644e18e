/**
 * Records of replays, in shard 0; how far each is, in every shard that has items of it.
 *
 *   selecting ──last step──▶ waits for its events ──the last one left──▶ done
 *       └──────────cancel──────────┴──▶ cancelled (what it queued goes on, and is counted)
 *
 * That a replay is done is seen, not written by whoever settles its last event: its selection is at its end and no shard has an item
 * that waits, and no step can make one any more. It is written down when the next replay wants its place.
 */
import { type Clock, newId } from '../../clock.ts';
import {
  type NewReplay,
  type ReplayRecord,
  type RunningReplay,
  replaysKeptMax,
  replaysRunningMax,
  type Selection,
} from '../replaying.ts';
import type { Reply } from './connection.ts';
import { limitOf, rowsOf } from './reading-pages.ts';
import { script } from './script.ts';
import { spaceOf } from './selecting.ts';
import type { Shard } from './shard.ts';

/** Words of a failure in a record. */
const wordsMax = 500;
const recordFields = 12;
const progressFields = 9;

const recordsScript = script('replays', ['progress'], { allowOom: true });
const progressedScript = script('progressed', ['progress'], { allowOom: true });
const endsScript = script('ends', []);
const addScript = script('addreplay', ['oldreplays']);
const givingWayScript = script('givingway', ['oldreplays'], { allowOom: true });
const dropScript = script('dropreplays', [], { allowOom: true });
const endScript = script('endreplay', [], { allowOom: true });

type Row = { readonly record: RunningReplay; readonly ended: boolean };
type Progress = ReturnType<typeof readProgress>;

export class ReplayRecords {
  readonly #shards: readonly Shard[];
  readonly #first: Shard;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(shards: readonly Shard[], clock: Pick<Clock, 'now'>) {
    this.#shards = shards;
    this.#first = shards[0] as Shard;
    this.#clock = clock;
  }

  async add(replay: NewReplay): Promise<'added' | 'too_many'> {
    const { id, mode, selection, count, by, createdAt } = replay;
    await this.#endDone();
    const upTo = await this.#upTo(mode, selection);
    const others = this.#shards.slice(1);
    if (others.length > 0) {
      const [old] = await this.#first.call(givingWayScript, [String(replaysKeptMax)]);
      const ids = (old as readonly Reply[]).map(String);
      if (ids.length > 0) await Promise.all(others.map((shard) => shard.insist(dropScript, ids)));
    }
    const bounds = [replaysKeptMax, replaysRunningMax].map(String);
    const made = [id, mode, JSON.stringify(selection), ...[upTo, count].map(String), by, String(Math.trunc(createdAt))];
    const [answer] = await this.#first.insist(addScript, [...bounds, ...made]);
    return answer as 'added' | 'too_many';
  }

  async cancel(id: string): Promise<boolean> {
    const record = await this.one(id);
    if (record?.state !== 'running') return false;
    return (await this.#end('cancelled', [[id, this.#clock.now()]])) === 1;
  }

  async one(id: string): Promise<RunningReplay | null> {
    const [row] = await this.#rows(['one', id]);
    return row?.record ?? null;
  }

  async newest(page: { limit: number; after?: string }): Promise<{ items: ReplayRecord[]; next: string | null }> {
    const limit = limitOf(page);
    const rows = await this.#rows(['newest', String(limit), page.after ?? '']);
    const items = rows.slice(0, limit).map(({ record }) => recordOf(record));
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  async unfinished(): Promise<readonly RunningReplay[]> {
    const rows = await this.#rows(['running']);
    return rows.map(({ record }) => record).filter(({ state, selecting }) => state === 'running' && selecting);
  }

  /** Those that are done give their places to others. */
  async #endDone(): Promise<void> {
    const rows = await this.#rows(['running']);
    const done = rows.flatMap(({ record, ended }): [string, number][] =>
      ended ? [[record.id, record.endedAt ?? this.#clock.now()]] : [],
    );
    if (done.length > 0) await this.#end('done', done);
  }

  async #end(how: 'done' | 'cancelled', replays: readonly (readonly [id: string, at: number])[]): Promise<number> {
    const token = newId('ask', this.#clock.now());
    const args = replays.flatMap(([id, at]) => [id, String(Math.trunc(at))]);
    const [ended] = await this.#first.insist(endScript, [how, token, ...args]);
    return Number(ended);
  }

  /** Where a replay that begins now ends. All shards go on from beyond it. */
  async #upTo(mode: NewReplay['mode'], selection: Selection): Promise<number> {
    if ('ids' in selection) return selection.ids.length;
    const of = spaceOf(mode, selection) === 'deliveries' ? 0 : 1;
    const ask = async (least: readonly number[]) => {
      const replies = await Promise.all(this.#shards.map((shard) => shard.call(endsScript, least.map(String))));
      return [0, 1].map((at) => Math.max(...replies.map((reply) => Number(reply[at]))));
    };
    const highest = await ask([0, 0]);
    if (this.#shards.length > 1) await ask(highest);
    return highest[of] ?? 0;
  }

  async #rows(args: readonly string[]): Promise<readonly Row[]> {
    const [flat] = await this.#first.call(recordsScript, args);
    const rows = rowsOf(flat, recordFields + progressFields).map((row) => row.map(String));
    const others = this.#shards.slice(1);
    if (rows.length === 0) return [];
    const ids = rows.map(([id]) => id as string);
    const more = await Promise.all(others.map((shard) => shard.call(progressedScript, ids)));
    return rows.map((row, at) => {
      const all = [row.slice(recordFields), ...more.map(([reply]) => rowsOf(reply, progressFields)[at] ?? [])];
      return readRow(row, all.map(readProgress));
    });
  }
}

export function recordOf({ place: _place, selecting: _selecting, ...record }: RunningReplay): ReplayRecord {
  return record;
}

function readRow(row: readonly string[], progress: readonly Progress[]): Row {
  const [id = '', mode, selection = '', state, selecting, from, upTo, count, by = '', createdAt] = row;
  const [endedAt = '', selectedAt = ''] = row.slice(10);
  const sum = (of: (one: Progress) => number) => progress.reduce((all, one) => all + of(one), 0);
  const ended = state === 'running' && selecting === '0' && sum(({ items }) => items) === 0;
  const lastLeft = Math.max(Number(selectedAt), ...progress.map(({ leftAt }) => leftAt));
  const failures = progress.filter(({ lastFailure }) => lastFailure !== '').sort((a, b) => b.failedAt - a.failedAt);
  const record: RunningReplay = {
    ...{ id, mode: mode as ReplayRecord['mode'], selection: JSON.parse(selection) as Selection },
    state: ended ? 'done' : (state as ReplayRecord['state']),
    ...{ count: Number(count), done: sum(({ done }) => done), delivered: sum(({ delivered }) => delivered) },
    ...{ failed: sum(({ failed }) => failed), nothing: sum(({ nothing }) => nothing) },
    ...{ waiting: sum(({ waiting }) => waiting), lastFailure: failures[0]?.lastFailure.slice(0, wordsMax) ?? null },
    ...{ by, createdAt: Number(createdAt) },
    endedAt: ended ? lastLeft : endedAt === '' ? null : Number(endedAt),
    place: { from: Number(from), upTo: Number(upTo) },
    selecting: selecting === '1',
  };
  return { record, ended };
}

function readProgress(fields: readonly Reply[]) {
  const [done, delivered, failed, nothing, waiting, lastFailure, failedAt, leftAt, items] = fields.map(String);
  return {
    ...{ done: Number(done), delivered: Number(delivered), failed: Number(failed), nothing: Number(nothing) },
    ...{ waiting: Number(waiting), lastFailure: lastFailure ?? '', failedAt: Number(failedAt) },
    ...{ leftAt: Number(leftAt), items: Number(items) },
  };
}
