/**
 * Deliveries, newest first, by cursor; a page looks at a bounded number of rows whatever the filter. Without a time range the order is
 * that of positions, and an index of kinds (state, source, type) answers nearly every filter. With one it is that of receipt.
 */
import type { DeliveryState } from '../../model.ts';
import type { DeliveryFilter, DeliverySummary, Page, PageRequest } from '../reading.ts';
import { typeInIndex } from './accepting.ts';
import type { Reply } from './connection.ts';
import { type Looked, limitOf, lookDown, type Place, pageOf, rowsOf } from './reading-pages.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

/** Rows of one script: about 5 ms. */
const lookedAtMax = 2_000;
/** Fields of a summary (summary.lua). */
export const summaryFields = 7;

const listScript = script('list', ['walk', 'kinds', 'events', 'summary'], { allowOom: true });
const timesScript = script('listtimes', ['kinds', 'events', 'summary'], { allowOom: true });

type Listed = { readonly place: Place; readonly summary: DeliverySummary };

export class DeliveryLists {
  readonly #shards: readonly Shard[];

  constructor(shards: readonly Shard[]) {
    this.#shards = shards;
  }

  async page(filter: DeliveryFilter, page: PageRequest): Promise<Page<DeliverySummary>> {
    const limit = limitOf(page);
    const timed = filter.since !== undefined || filter.until !== undefined;
    const start = cursorOf(page.after, timed);
    const looked = await Promise.all(
      this.#shards.map((shard) =>
        lookDown(start, limit + 1, (below, wanted) =>
          timed ? byTime(shard, filter, below, wanted) : byPosition(shard, filter, below, wanted),
        ),
      ),
    );
    const { items, next } = pageOf(looked, limit);
    return {
      items: items.map(({ summary }) => summary),
      next: next && (timed ? `${next.at}.${next.id}` : `${next.at}`),
    };
  }
}

/** As kinds.lua takes a filter: source, states, type. */
export function kindArguments({ source, state, type }: Pick<DeliveryFilter, 'source' | 'state' | 'type'>): string[] {
  return [source ?? '', state === undefined ? 'amsf' : state.charAt(0), type === undefined ? '' : typeInIndex(type)];
}

export function readSummary(row: readonly Reply[]): DeliverySummary {
  const [id, , facts, state, created, waiting, dead] = row.map(String) as [
    ...[string, string, string, string, string, string, string],
  ];
  const [source, provider, type, key, receivedAt, bytes] = JSON.parse(facts) as [
    ...[string, string, string | null, string | null, number, number],
  ];
  const events = { created: Number(created), waiting: Number(waiting), dead: Number(dead) };
  return {
    ...{ id, source, provider, type, key, state: stateOf(state) },
    received_at: new Date(receivedAt).toISOString(),
    events: { ...events, delivered: events.created - events.waiting - events.dead },
    bytes,
  };
}

export function stateOf(letter: string): DeliveryState {
  return letter === 'm' ? 'mapped' : letter === 's' ? 'skipped' : letter === 'f' ? 'failed' : 'accepted';
}

async function byPosition(
  shard: Shard,
  filter: DeliveryFilter,
  below: Place | null,
  wanted: number,
): Promise<Looked<Listed>> {
  const bounds = [below === null ? '' : below.at, wanted, lookedAtMax].map(String);
  const [floor, flat] = await shard.call(listScript, [...bounds, ...kindArguments(filter)]);
  const rows = rowsOf(flat, summaryFields).map((row) => ({
    place: { at: Number(row[1]), id: '' },
    summary: readSummary(row),
  }));
  return { rows, seenDownTo: floor === '' ? null : { at: Number(floor), id: '' } };
}

async function byTime(
  shard: Shard,
  filter: DeliveryFilter,
  below: Place | null,
  wanted: number,
): Promise<Looked<Listed>> {
  const { since = 0, until } = filter;
  const edge = below === null ? ['', ''] : [String(below.at), below.id];
  const bounds = [...[since, until ?? ''].map(String), ...edge, String(wanted), String(lookedAtMax)];
  const [at, id, flat] = await shard.call(timesScript, [...bounds, ...kindArguments(filter)]);
  const rows = rowsOf(flat, summaryFields).map((row) => {
    const summary = readSummary(row);
    return { place: { at: Date.parse(summary.received_at), id: summary.id }, summary };
  });
  return { rows, seenDownTo: id === '' ? null : { at: Number(at), id: String(id) } };
}

/** A cursor nobody gave out starts at the newest. */
function cursorOf(after: string | undefined, timed: boolean): Place | null {
  const [, at, id] = (timed ? /^(\d{1,15})\.(dlv_\w+)$/ : /^(\d{1,15})()$/).exec(after ?? '') ?? [];
  return at === undefined || id === undefined ? null : { at: Number(at), id };
}
