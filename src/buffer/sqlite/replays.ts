/**
 * Replays: their records, their steps (promise 13), and how each of their items ends.
 *
 *   selecting ──last step──▶ waits for its events ──the last one left──▶ done
 *       └──────────cancel──────────┴──▶ cancelled (what it queued goes on, and is counted)
 *
 * Of an item whose events wait there is a row, and one for each event; in memory too, so that settling an event of no replay
 * costs a look into a map. What waits of replays at once is bounded by who runs them (src/replay).
 */
import {
  type NewReplay,
  type ReplayRecord,
  type ReplayStep,
  type RunningReplay,
  replaysKeptMax,
  replaysRunningMax,
  type Selection,
  type StepDone,
} from '../replaying.ts';
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import type { Remapping } from './remapping.ts';
import type { Resending } from './resending.ts';
import type { Store } from './store.ts';

type Row = [
  n: number,
  id: string,
  mode: ReplayRecord['mode'],
  selection: string,
  state: ReplayRecord['state'],
  selecting: number,
  place: number,
  upTo: number,
  count: number,
  done: number,
  delivered: number,
  failed: number,
  empty: number,
  lastFailure: string | null,
  by: string,
  createdAt: number,
  endedAt: number | null,
  waiting: number,
];
const columns = `n, id, mode, selection, state, selecting, place, up_to, count, done, delivered, failed, empty,
  last_failure, made_by, created_at, ended_at,
  coalesce((SELECT sum(waiting) FROM replay_items WHERE replay = replays.n), 0)`;

type Item = { readonly replay: number; readonly item: number };
/** Of one transaction: what changes in memory once it is committed. */
export type ReplayChanges = { readonly settled: number[]; readonly added: Map<number, Item> };
type Progress = { done: number; delivered: number; failed: number; empty: number; lastFailure: string | null };
/** Words of a failure in a record. */
const wordsMax = 500;

export class Replays {
  readonly #remapping: Remapping;
  readonly #resending: Resending;
  readonly #waiting = new Map<number, Item>();
  readonly #one: Statement;
  readonly #newest: Statement;
  readonly #unfinished: Statement;
  readonly #running: Statement;
  readonly #add: Statement;
  readonly #old: Statement;
  readonly #drop: readonly Statement[];
  readonly #move: Statement;
  readonly #cancel: Statement;
  readonly #end: Statement;
  readonly #track: Statement;
  readonly #untrack: Statement;
  readonly #addItem: Statement;
  readonly #lowerItem: Statement;
  readonly #dropItem: Statement;
  readonly #closed: Statement;

  constructor(store: Store, remapping: Remapping, resending: Resending) {
    const { database } = store;
    this.#remapping = remapping;
    this.#resending = resending;
    this.#one = database.prepare(`SELECT ${columns} FROM replays WHERE id = ?`);
    this.#newest = database.prepare(
      `SELECT ${columns} FROM replays WHERE n < coalesce((SELECT n FROM replays WHERE id = ?), 9007199254740991)
       ORDER BY n DESC LIMIT ?`,
    );
    this.#unfinished = database.prepare(
      `SELECT ${columns} FROM replays WHERE state = 'running' AND selecting = 1 ORDER BY n`,
    );
    this.#running = database.prepare("SELECT count(*) FROM replays WHERE state = 'running'");
    this.#add = database.prepare(
      `INSERT INTO replays (id, mode, selection, state, selecting, place, up_to, count, done, delivered, failed, empty,
         made_by, created_at) VALUES (?, ?, ?, 'running', 1, 0, ?, ?, 0, 0, 0, 0, ?, ?)`,
    );
    this.#old = database.prepare(
      `SELECT n FROM replays WHERE state <> 'running' ORDER BY n
       LIMIT max(0, (SELECT count(*) FROM replays) - ${replaysKeptMax})`,
    );
    this.#drop = ['replays WHERE n', 'replay_items WHERE replay', 'replay_waiting WHERE replay'].map((from) =>
      database.prepare(`DELETE FROM ${from} = ?`),
    );
    this.#move = database.prepare(
      `UPDATE replays SET place = ?, selecting = ?, done = done + ?, delivered = delivered + ?, failed = failed + ?,
         empty = empty + ?, last_failure = coalesce(?, last_failure) WHERE n = ?`,
    );
    this.#cancel = database.prepare(
      "UPDATE replays SET state = 'cancelled', selecting = 0, ended_at = ? WHERE id = ? AND state = 'running'",
    );
    this.#end = database.prepare(
      `UPDATE replays SET state = 'done', ended_at = ? WHERE n = ? AND state = 'running' AND selecting = 0
         AND NOT EXISTS (SELECT 1 FROM replay_items WHERE replay = replays.n)`,
    );
    this.#track = database.prepare('INSERT INTO replay_waiting (position, replay, item) VALUES (?, ?, ?)');
    this.#untrack = database.prepare('DELETE FROM replay_waiting WHERE position = ?');
    this.#addItem = database.prepare('INSERT INTO replay_items (replay, item, waiting, dead) VALUES (?, ?, ?, ?)');
    this.#lowerItem = database.prepare(
      `UPDATE replay_items SET waiting = waiting - 1, dead = dead + ? WHERE replay = ? AND item = ?
       RETURNING waiting, dead`,
    );
    this.#dropItem = database.prepare('DELETE FROM replay_items WHERE replay = ? AND item = ?');
    this.#closed = database.prepare(
      'UPDATE replays SET delivered = delivered + ?, failed = failed + ?, last_failure = coalesce(?, last_failure) WHERE n = ?',
    );
    const kept = database.prepare('SELECT position, replay, item FROM replay_waiting');
    for (const [position, replay, item] of kept.iterate<[number, number, number]>())
      this.#waiting.set(position, { replay, item });
  }

  one(id: string): ReplayRecord | null {
    const row = this.#one.get<Row>(id);
    return row ? recordOf(row) : null;
  }

  newest(limit: number, after: string | undefined): { items: readonly ReplayRecord[]; next: string | null } {
    const rows = this.#newest.all<Row>(after ?? null, limit + 1);
    const items = rows.slice(0, limit).map(recordOf);
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  unfinished(): readonly RunningReplay[] {
    return this.#unfinished.all<Row>().map(runningOf);
  }

  /** Inside a transaction, like all that changes here. */
  add({ id, mode, selection, count, by, createdAt }: NewReplay, upTo: number): 'added' | 'too_many' {
    if ((this.#running.get<[number]>()?.[0] ?? 0) >= replaysRunningMax) return 'too_many';
    this.#add.run(id, mode, JSON.stringify(selection), upTo, count, by, createdAt);
    return 'added';
  }

  /** The oldest that have ended, when there are too many; what still waits of them is counted no more. */
  dropOld(changes: ReplayChanges): void {
    for (const [n] of this.#old.all<[number]>()) {
      for (const drop of this.#drop) drop.run(n);
      for (const [position, { replay }] of this.#waiting) if (replay === n) changes.settled.push(position);
    }
  }

  cancel(id: string, now: number): boolean {
    return this.#cancel.run(now, id).changes > 0;
  }

  /** Null: there is no such replay. Answers what to do after the commit, too. */
  step(
    step: ReplayStep,
    changes: ReplayChanges,
    counts: Counts,
    now: number,
  ): (StepDone & { after: () => void }) | null {
    const row = this.#one.get<Row>(step.replay);
    if (!row) return null;
    const before = runningOf(row);
    if (before.state !== 'running' || !before.selecting || before.place.from !== step.from)
      return { record: before, items: 0, after: () => {} };
    const progress: Progress = { done: 0, delivered: 0, failed: 0, empty: 0, lastFailure: null };
    const after: (() => void)[] = [];
    let place = step.from;
    let done = 0;
    for (const item of step.items) {
      const next = this.#item(row[0], step.replay, item, { progress, changes, counts, now });
      if (next === 'busy') break;
      after.push(next);
      place = item.cursor;
      done += 1;
    }
    const all = done === step.items.length;
    const selecting = step.ended && all ? 0 : 1;
    const { delivered, failed, empty, lastFailure } = progress;
    this.#move.run(all ? step.to : place, selecting, done, delivered, failed, empty, lastFailure, row[0]);
    if (selecting === 0) this.#end.run(now, row[0]);
    const record = runningOf(this.#one.get<Row>(step.replay) as Row);
    return { record, items: done, after: () => after.forEach((run) => void run()) };
  }

  /** Events left the queue; those of a replay count for their item. `died`: its words. */
  settled(position: number, died: string | null, changes: ReplayChanges, now: number): void {
    const of = changes.added.get(position) ?? this.#waiting.get(position);
    if (!of) return;
    this.#leave(position, of, died, changes, now);
  }

  committed({ settled, added }: ReplayChanges): void {
    for (const [position, item] of added) this.#waiting.set(position, item);
    for (const position of settled) this.#waiting.delete(position);
  }

  #item(
    n: number,
    replay: string,
    item: ReplayStep['items'][number],
    { progress, changes, counts, now }: { progress: Progress; changes: ReplayChanges; counts: Counts; now: number },
  ): (() => void) | 'busy' {
    const failed = (message: string) => {
      progress.done += 1;
      progress.failed += 1;
      progress.lastFailure = message.slice(0, wordsMax);
      return () => {};
    };
    if (item.kind === 'failed') return failed(item.message);
    if (item.kind === 'resend') {
      const resent = this.#resending.resend(item, replay, counts, now);
      if (!resent) return failed(`${item.letter} is not there any more.`);
      progress.done += 1;
      this.#follow({ replay: n, item: resent.item }, [resent.position], 0, changes, now);
      return () => {};
    }
    const remapped = this.#remapping.remap(item.mapped, replay, counts, now);
    if (remapped === 'busy') return 'busy';
    if (remapped === 'gone') return failed(`${item.mapped.delivery.id} is not kept any more.`);
    const { waiting, gone, trouble, after } = remapped;
    for (const position of gone) this.settled(position, null, changes, now);
    progress.done += 1;
    if (trouble !== null) progress.lastFailure = trouble.slice(0, wordsMax);
    const of = { replay: n, item: item.mapped.delivery.position };
    if (waiting.length > 0) this.#follow(of, waiting, trouble === null ? 0 : 1, changes, now);
    else if (trouble !== null) progress.failed += 1;
    else if (item.mapped.state === 'skipped') progress.empty += 1;
    else progress.delivered += 1;
    return after;
  }

  #follow(of: Item, positions: readonly number[], dead: number, changes: ReplayChanges, now: number): void {
    // One that an earlier replay waits for is this one's from now on.
    for (const position of positions) this.settled(position, null, changes, now);
    this.#addItem.run(of.replay, of.item, positions.length, dead);
    for (const position of positions) {
      this.#track.run(position, of.replay, of.item);
      changes.added.set(position, of);
      const at = changes.settled.indexOf(position);
      if (at !== -1) changes.settled.splice(at, 1);
    }
  }

  #leave(position: number, { replay, item }: Item, died: string | null, changes: ReplayChanges, now: number): void {
    this.#untrack.run(position);
    changes.settled.push(position);
    const [waiting, dead] = this.#lowerItem.get<[number, number]>(died === null ? 0 : 1, replay, item) ?? [1, 0];
    const words = died === null ? null : died.slice(0, wordsMax);
    if (waiting > 0) {
      if (words !== null) this.#closed.run(0, 0, words, replay);
      return;
    }
    this.#dropItem.run(replay, item);
    this.#closed.run(dead > 0 ? 0 : 1, dead > 0 ? 1 : 0, words, replay);
    this.#end.run(now, replay);
  }
}

export function noChanges(): ReplayChanges {
  return { settled: [], added: new Map() };
}

function recordOf(row: Row): ReplayRecord {
  const { place: _place, selecting: _selecting, ...record } = runningOf(row);
  return record;
}

function runningOf(row: Row): RunningReplay {
  const [, id, mode, selection, state, selecting, from, upTo, count, done, delivered, failed, empty] = row;
  const [lastFailure, by, createdAt, endedAt, waiting] = row.slice(13) as [
    string | null,
    string,
    number,
    number | null,
    number,
  ];
  return {
    ...{ id, mode, selection: JSON.parse(selection) as Selection, state, count, done, delivered, failed },
    ...{ nothing: empty, waiting, lastFailure, by, createdAt, endedAt },
    place: { from, upTo },
    selecting: selecting === 1,
  };
}
