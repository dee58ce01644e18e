/**
 * What a replay selects: oldest first, in bounded pieces of a walk along the positions, so that a selection of a million costs
 * many small questions and never a long one. A piece looks at so many rows and says where it ended.
 */
import type { Delivery, RawDelivery, Route, UpdateRoute } from '../../model.ts';
import type {
  SelectedCount,
  SelectedDeadLetter,
  SelectedDelivery,
  SelectedItems,
  SelectedLetter,
  SelectedRange,
  SelectRequest,
} from '../replaying.ts';
import type { Statement } from './database.ts';
import { deliveryStates } from './schema.ts';
import { selectionSql } from './selection-sql.ts';
import type { Store } from './store.ts';

/** About 5 ms. */
const lookedAtMax = 10_000;
const unbounded = Number.MAX_SAFE_INTEGER;

type DeliveryRow = [
  cursor: number,
  position: number,
  id: string,
  kind: number,
  type: string | null,
  key: string | null,
  receivedAt: number,
  head: string | null,
  body: Uint8Array | null,
];
type LetterRow = [
  position: number,
  id: string,
  letterKind: number,
  delivery: string,
  kind: 'mapping' | 'event',
  message: string,
  attempts: number,
  destination: string | null,
  json: string | null,
  eventId: string | null,
  time: number | null,
  receivedAt: number,
  route: Route | null,
  key: string | null,
];
type Space = 'deliveries' | 'reasons' | 'letters';
type Asked = readonly (string | number | null)[];

export class Selecting {
  readonly #store: Store;
  readonly #seq: Statement;
  readonly #end: Readonly<Record<Space, Statement>>;
  readonly #count: Readonly<Record<Space, Statement>>;
  readonly #select: Readonly<Record<Space, Statement>>;
  readonly #delivery: Statement;
  readonly #letter: Statement;

  constructor(store: Store) {
    const { database } = store;
    const prepared = (sql: Readonly<Record<Space, string>>) => ({
      deliveries: database.prepare(sql.deliveries),
      reasons: database.prepare(sql.reasons),
      letters: database.prepare(sql.letters),
    });
    this.#store = store;
    this.#seq = database.prepare('SELECT seq FROM sqlite_sequence WHERE name = ?');
    this.#end = prepared(selectionSql.end);
    this.#count = prepared(selectionSql.count);
    this.#select = prepared(selectionSql.select);
    this.#delivery = database.prepare(selectionSql.delivery);
    this.#letter = database.prepare(selectionSql.letter);
  }

  /** Where a replay that begins now ends. */
  upTo({ mode, selection }: Pick<SelectRequest, 'mode' | 'selection'>): number {
    if ('ids' in selection) return selection.ids.length;
    const table = spaceOf(mode, selection) === 'deliveries' ? 'deliveries' : 'letters';
    return this.#seq.get<[number]>(table)?.[0] ?? 0;
  }

  count(request: Omit<SelectRequest, 'limit' | 'bytesMax'>): SelectedCount {
    const { mode, selection, after, upTo = unbounded } = request;
    if ('ids' in selection) {
      const found = selection.ids.filter((id) =>
        mode === 'remap' ? this.#delivery.get(id) : this.#letter.get<LetterRow>(id)?.[4] === 'event',
      );
      return { count: found.length, cursor: selection.ids.length, ended: true };
    }
    const space = spaceOf(mode, selection);
    const end = this.#end[space].get<[number | null]>(after, upTo, lookedAtMax)?.[0] ?? null;
    if (end === null) return { count: 0, cursor: after, ended: true };
    const asked = this.#asked(space, selection, request.uncertain === true);
    const count = this.#count[space].get<[number]>(after, end, ...asked)?.[0] ?? 0;
    return { count, cursor: end, ended: end >= upTo };
  }

  items(request: SelectRequest): SelectedItems {
    const { mode, selection, after, limit, bytesMax, upTo = unbounded } = request;
    if ('ids' in selection) return this.#byIds(request, selection.ids);
    const space = spaceOf(mode, selection);
    const end = this.#end[space].get<[number | null]>(after, upTo, lookedAtMax)?.[0] ?? null;
    if (end === null) return { deliveries: [], letters: [], cursor: after, ended: true };
    const asked = this.#asked(space, selection, request.uncertain === true);
    const deliveries: SelectedDelivery[] = [];
    const letters: SelectedLetter[] = [];
    let bytes = 0;
    const rows = this.#select[space].iterate<DeliveryRow | LetterRow>(after, end, ...asked, limit);
    let cursor = end;
    for (const row of rows) {
      if (deliveries.length + letters.length > 0 && bytes > bytesMax) break;
      if (space === 'letters') letters.push(this.#letterOf(row as LetterRow, row[0]));
      else deliveries.push(this.#deliveryOf(row as DeliveryRow, row[0]));
      bytes += sizeOf(row);
      cursor = row[0];
      if (deliveries.length + letters.length < limit && bytes <= bytesMax) cursor = end;
    }
    return { deliveries, letters, cursor, ended: cursor >= upTo };
  }

  #byIds({ mode, after, limit, bytesMax }: SelectRequest, ids: readonly string[]): SelectedItems {
    const deliveries: SelectedDelivery[] = [];
    const letters: SelectedLetter[] = [];
    let cursor = after;
    let bytes = 0;
    while (cursor < ids.length && cursor - after < limit && bytes <= bytesMax) {
      const id = ids[cursor] as string;
      cursor += 1;
      if (mode === 'remap') {
        const row = this.#delivery.get<DeliveryRow>(id);
        bytes += row ? sizeOf(row) : 0;
        deliveries.push(
          row ? this.#deliveryOf(row, cursor) : { cursor, id, delivery: null, state: 'accepted', hasBody: false },
        );
      } else {
        const row = this.#letter.get<LetterRow>(id);
        bytes += row ? sizeOf(row) : 0;
        letters.push(row ? this.#letterOf(row, cursor) : { cursor, id, letter: null });
      }
    }
    return { deliveries, letters, cursor, ended: cursor >= ids.length };
  }

  /** From the third parameter on: kinds, then for letters their kinds, type, since, until, destination, uncertain. */
  #asked(space: Space, selection: SelectedRange, uncertain: boolean): Asked {
    const { source, state, type, reason, destination, since, until } = selection;
    const { names } = this.#store;
    const own = state === 'dead' ? undefined : state;
    const kinds = names.kindsWhere({ source, state: own, type, every: true });
    const times = [type ?? null, since ?? null, until ?? null];
    const listed = JSON.stringify(kinds.map(({ n }) => n));
    if (space === 'deliveries') return [listed, ...times];
    const letterKinds = names.letterKindsWhere({ source, reason });
    const wanted = letterKinds.filter(
      (kind) => space === 'reasons' || (kind.reason === 'unknown_outcome') === uncertain,
    );
    const listedLetters = JSON.stringify(wanted.map(({ n }) => n));
    if (space === 'reasons') return [listed, ...times, listedLetters];
    return [listedLetters, ...times, destination ?? null];
  }

  #deliveryOf(row: DeliveryRow, cursor: number): SelectedDelivery {
    const [, position, id, kindNumber, ownType, key, receivedAt, head, body] = row;
    const kind = this.#store.names.kind(kindNumber);
    const { method, headers, query } = JSON.parse(head ?? '{"method":"","headers":{},"query":{}}') as Pick<
      RawDelivery,
      'method' | 'headers' | 'query'
    >;
    const delivery: Delivery = {
      ...{ id, position, identity: key ?? id, key, type: kind.type ?? ownType, receivedAt, method, headers, query },
      source: this.#store.names.sourceName(kind.source),
      provider: kind.provider,
      body: body ?? new Uint8Array(),
    };
    return { cursor, id, delivery, state: deliveryStates[kind.state] ?? 'accepted', hasBody: body !== null };
  }

  #letterOf(row: LetterRow, cursor: number): SelectedLetter {
    const [, id, letterKind, delivery, kind, message, attempts, destination, json, eventId, time, receivedAt] = row;
    const [route, key] = [row[12], row[13]];
    const { source, reason } = this.#store.names.letterKindOf(letterKind);
    const letter: SelectedDeadLetter = {
      ...{ id, source: this.#store.names.sourceName(source), delivery, kind, reason, message, attempts },
      ...{ destination, json, eventId, time, receivedAt, route },
      update: route === null || route === 'event' || key === null ? null : { route: route as UpdateRoute, key },
    };
    return { cursor, id, letter };
  }
}

/** Along which positions a selection walks. */
function spaceOf(mode: SelectRequest['mode'], { reason }: SelectedRange): Space {
  if (mode === 'resend') return 'letters';
  return reason === undefined ? 'deliveries' : 'reasons';
}

function sizeOf(row: DeliveryRow | LetterRow): number {
  const body = row[8];
  return body === null ? 0 : typeof body === 'string' ? body.length : body.byteLength;
}
