/** For test/replay: the SQLite keeper, the real evaluator, replays, and a destination that takes what it is given. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteBuffer, type SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { programOf } from '../../src/mapping/program.ts';
import { createRunner, type Runner } from '../../src/mapping/runner.ts';
import type { LeasedEvent, Route } from '../../src/model.ts';
import { createReplays, type Replays } from '../../src/replay/engine.ts';
import { mapAgain } from '../../src/wiring/replays.ts';
import { webhook } from './buffer-fixtures.ts';
import { shape } from './mapping.ts';

export const good = '{"event": type, "properties": {"amount": data.amount, "distinct_id": data.who}}';
/** Fails for what has an amount, at run time. */
export const broken = '{"event": type, "properties": {"amount": $number(data.who)}}';
const routes: readonly Route[] = ['event', 'profile', 'profile_once'];
const day = 24 * 3_600_000;

export type Place = AsyncDisposable & {
  readonly keeper: SqliteBuffer;
  readonly replays: Replays;
  readonly folder: string;
  readonly clock: Clock;
  mapping: string;
  busy: boolean;
  /** How many mappings were asked for in all. */
  mapped: number;
  /** What the destination was sent, in order. */
  readonly sent: LeasedEvent[];
  accept(count: number, parts?: Parameters<typeof webhook>[1]): Promise<string[]>;
  mapAll(): Promise<void>;
  /** Sends what waits, once. */
  send(take?: (event: LeasedEvent) => boolean): Promise<number>;
  /** Sends until it is so, or ten seconds are over. */
  until(isSo: () => Promise<boolean>, sending?: boolean): Promise<void>;
  /** Every row of every table, as it is on disk now. */
  content(): Promise<Record<string, readonly unknown[]>>;
  /** The replays of another relay that works on the same buffer, perhaps through what changes it on the way. */
  join(parts: { buffer?: SqliteBuffer; busy?: () => boolean }): Replays;
  /** Ends replays and keeper as a crash would, and opens both anew. */
  restart(): Promise<void>;
};

export async function replayPlace(options: { clock?: Clock; shared?: boolean } = {}): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'replay-'));
  const clock = options.clock ?? systemClock;
  const runner: Runner = createRunner({ clock: systemClock });
  const open = () => openSqliteBuffer({ folder, clock, bytesMax: 512 * 1024 * 1024, keepDeliveriesMs: 30 * day });
  const begin = (keeper: SqliteBuffer, busy = () => place.busy) =>
    createReplays({
      ...{ buffer: keeper, clock, shape, busy, shared: options.shared ?? false },
      map: async (deliveries) => {
        place.mapped += deliveries.length;
        return await mapAgain(deliveries, {
          library: {
            mappingOf: () => ({ destinations: ['mixpanel'], program: programOf(place.mapping), keep: 'full' }),
          },
          ...{ runner, shape, clock },
        });
      },
      destinations: () => new Map([['mixpanel', { eventAgeMaxMs: 5 * day }]]),
    });
  let keeper = await open();
  let replays = begin(keeper);
  const sent: LeasedEvent[] = [];
  const others: Replays[] = [];
  const place: Place = {
    get keeper() {
      return keeper;
    },
    get replays() {
      return replays;
    },
    ...{ folder, clock, mapping: good, busy: false, mapped: 0, sent },
    async accept(count, parts = {}) {
      const one = async (at: number) => {
        const body = Buffer.from(JSON.stringify({ type: 'paid', data: { amount: at, who: `cus_${at}` } }));
        return (await keeper.accept(webhook(clock, { body, key: `k${at}`, ...parts }))) as { id: string };
      };
      const answers = await Promise.all(Array.from({ length: count }, (_, at) => one(at)));
      return answers.map(({ id }) => id);
    },
    async mapAll() {
      const library = {
        mappingOf: () => ({ destinations: ['mixpanel'], program: programOf(place.mapping), keep: 'full' as const }),
      };
      for (;;) {
        const next = await keeper.nextDeliveries({ after: 0, limit: 256, bytesMax: 10_000_000 });
        if (next.length === 0) return;
        await keeper.commitMapped(await mapAgain(next, { library, runner, shape, clock }));
      }
    },
    async send(take = () => true) {
      let count = 0;
      for (const route of routes) {
        const turns = [{ source: 'shop', eventsMax: 2_000 }];
        const asked = { destination: 'mixpanel', turns, bytesMax: 10_000_000, leaseMs: 60_000 };
        const events = (await keeper.lease({ ...asked, route })).filter(take);
        sent.push(...events);
        await keeper.settle(events.map(({ position }) => ({ position, state: 'delivered' })));
        count += events.length;
      }
      return count;
    },
    async until(isSo, sending = true) {
      const end = systemClock.monotonic() + 20_000;
      while (!(await isSo())) {
        if (systemClock.monotonic() > end) throw new Error(`it never became so: ${isSo}`);
        if (sending) await place.send();
        await systemClock.wait(5);
      }
    },
    async content() {
      const copy = await mkdtemp(join(tmpdir(), 'replay-copy-'));
      for (const end of ['', '-wal']) await cp(join(folder, `buffer.db${end}`), join(copy, `buffer.db${end}`));
      const database = new DatabaseSync(join(copy, 'buffer.db'));
      const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
      const content = tables.map(({ name }) => [name, database.prepare(`SELECT * FROM ${name}`).all()]);
      database.close();
      await rm(copy, { recursive: true });
      return Object.fromEntries(content);
    },
    join({ buffer = keeper, busy }) {
      const joined = begin(buffer, busy);
      others.push(joined);
      return joined;
    },
    async restart() {
      await keeper.crash();
      await replays[Symbol.asyncDispose]();
      keeper = await open();
      replays = begin(keeper);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([replays, ...others].map((one) => one[Symbol.asyncDispose]()));
      await keeper.crash();
      await runner[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
  return place;
}
