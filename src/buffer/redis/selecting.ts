/**
 * What a replay selects: oldest first, in bounded pieces of a walk along the positions, so that a selection of a million costs many
 * small questions and never a long one. First which, then what they are: bodies are read of those alone that are given.
 */
import type { Delivery } from '../../model.ts';
import type {
  SelectedCount,
  SelectedDelivery,
  SelectedItems,
  SelectedLetter,
  SelectedRange,
  SelectRequest,
} from '../replaying.ts';
import type { Argument, Reply } from './connection.ts';
import { readDelivery } from './mapping-log.ts';
import { letterRows } from './reading-letters.ts';
import { kindArguments, stateOf } from './reading-lists.ts';
import { limitOf, rowsOf } from './reading-pages.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

/** Rows of one script: about 5 ms. */
const lookedAtMax = 3_000;

const selectScript = script('select', ['walk', 'kinds', 'letterkinds'], { allowOom: true });
const countScript = script('countids', [], { allowOom: true });
const rowsScript = script('deliveryrows', [], { allowOom: true });
const noHead = '{"method":"","headers":{},"query":{}}';

/** Along which positions a selection walks. */
export type Space = 'deliveries' | 'reasons' | 'letters';
export function spaceOf(mode: SelectRequest['mode'], { reason }: SelectedRange): Space {
  if (mode === 'resend') return 'letters';
  return reason === undefined ? 'deliveries' : 'reasons';
}

type Found = { readonly id: string; readonly cursor: number };
type Piece = {
  readonly count: number;
  readonly found: readonly Found[];
  readonly cursor: number;
  readonly ended: boolean;
};
type DeliveryRow = Omit<SelectedDelivery, 'cursor'>;
type Range = Omit<SelectRequest, 'limit' | 'bytesMax' | 'selection'> & { readonly selection: SelectedRange };

export class Selecting {
  readonly #shards: readonly Shard[];

  constructor(shards: readonly Shard[]) {
    this.#shards = shards;
  }

  async count(request: Omit<SelectRequest, 'limit' | 'bytesMax'>): Promise<SelectedCount> {
    const { mode, selection } = request;
    if ('ids' in selection) {
      const { ids } = selection;
      const replies = await Promise.all(this.#shards.map((shard) => shard.call(countScript, [mode, ...ids])));
      return { count: replies.reduce((sum, [count]) => sum + Number(count), 0), cursor: ids.length, ended: true };
    }
    const { count, cursor, ended } = await this.#piece({ ...request, selection }, null);
    return { count, cursor, ended };
  }

  async items(request: SelectRequest): Promise<SelectedItems> {
    const { mode, selection, after, bytesMax } = request;
    const limit = limitOf(request);
    const named = 'ids' in selection;
    const piece = named ? idsAfter(selection.ids, after, limit) : await this.#piece({ ...request, selection }, limit);
    const ids = piece.found.map(({ id }) => id);
    const deliveries: SelectedDelivery[] = [];
    const letters: SelectedLetter[] = [];
    let looked: number;
    if (mode === 'remap') {
      const rows = await this.#deliveryRows(ids, bytesMax);
      looked = rows.looked;
      for (const { id, cursor } of piece.found.slice(0, looked)) {
        const row = rows.found.get(id);
        // It went just now: of a range it is nothing, of ids it is one that is not kept.
        if (row) deliveries.push({ cursor, ...row });
        else if (named) deliveries.push({ cursor, id, delivery: null, state: 'accepted', hasBody: false });
      }
    } else {
      const rows = await letterRows(this.#shards, ids, bytesMax);
      looked = rows.looked;
      for (const { id, cursor } of piece.found.slice(0, looked)) {
        const letter = rows.rows.get(id)?.letter ?? null;
        if (letter || named) letters.push({ cursor, id, letter });
      }
    }
    if (looked === piece.found.length) return { deliveries, letters, cursor: piece.cursor, ended: piece.ended };
    return { deliveries, letters, cursor: piece.found[looked - 1]?.cursor ?? after, ended: false };
  }

  /** What all shards found up to where each of them has looked. `limit` null: it is only counted. */
  async #piece(request: Range, limit: number | null): Promise<Piece> {
    const pieces = await Promise.all(this.#shards.map((shard) => select(shard, request, limit)));
    const cursors = pieces.flatMap(({ cursor, ended }) => (ended ? [] : [cursor]));
    if (cursors.length === 0) {
      const found = sorted(pieces.flatMap((piece) => piece.found));
      if (limit !== null && found.length > limit) return cut(found, limit);
      const cursor = Math.max(...pieces.map((piece) => piece.cursor));
      return { count: sum(pieces), found, cursor, ended: true };
    }
    const edge = Math.min(...cursors);
    if (limit === null) {
      const again = this.#shards.map((shard, at) => {
        const piece = pieces[at] as Piece;
        return piece.cursor === edge && !piece.ended ? piece : select(shard, { ...request, upTo: edge }, null);
      });
      return { count: sum(await Promise.all(again)), found: [], cursor: edge, ended: false };
    }
    const found = sorted(pieces.flatMap((piece) => piece.found)).filter(({ cursor }) => cursor <= edge);
    if (found.length > limit) return cut(found, limit);
    return { count: found.length, found, cursor: edge, ended: false };
  }

  async #deliveryRows(
    ids: readonly string[],
    bytesMax: number,
  ): Promise<{ readonly found: ReadonlyMap<string, DeliveryRow>; readonly looked: number }> {
    if (ids.length === 0) return { found: new Map(), looked: 0 };
    const args: Argument[] = [String(bytesMax), ...ids];
    const replies = await Promise.all(this.#shards.map((shard) => shard.call(rowsScript, args, { bytes: true })));
    const rows = replies.flatMap(([flat]) => rowsOf(flat, 6).map(readRow));
    return {
      found: new Map(rows.map((row) => [row.id, row])),
      looked: Math.min(...replies.map(([, looked]) => Number(looked))),
    };
  }
}

async function select(shard: Shard, request: Range, limit: number | null): Promise<Piece> {
  const { mode, selection, after, upTo = '', uncertain } = request;
  const { source, state, type, reason = '', destination = '', since = '', until = '' } = selection;
  const space = spaceOf(mode, selection);
  const kinds = kindArguments({
    ...(source === undefined ? null : { source }),
    ...(state === undefined || state === 'dead' ? null : { state }),
    ...(type === undefined ? null : { type }),
  });
  const bounds = [space, after, upTo, limit ?? lookedAtMax, lookedAtMax].map(String);
  const fine = [since, until, reason, destination, uncertain ? '1' : '', limit === null ? '1' : ''].map(String);
  const [cursor, ended, count, flat] = await shard.call(selectScript, [...bounds, ...kinds, ...fine]);
  const found = rowsOf(flat, 2).map(([id, position]) => ({ id: String(id), cursor: Number(position) }));
  return { count: Number(count), found, cursor: Number(cursor), ended: ended === 1 };
}

function readRow(row: readonly Reply[]): DeliveryRow {
  const [id, position, facts, state, head, body] = row as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer | null,
    Buffer | null,
  ];
  const kept: Uint8Array = body ?? new Uint8Array();
  const delivery: Delivery = readDelivery(
    Number(position.toString()),
    id.toString(),
    facts.toString(),
    head?.toString() ?? noHead,
    kept,
  );
  return { id: delivery.id, delivery, state: stateOf(state.toString()), hasBody: body !== null };
}

/** Of a selection by ids the cursor is how many are done. */
function idsAfter(ids: readonly string[], after: number, limit: number): Piece {
  const found = ids.slice(after, after + limit).map((id, index) => ({ id, cursor: after + index + 1 }));
  const cursor = after + found.length;
  return { count: found.length, found, cursor, ended: cursor >= ids.length };
}

function sorted(found: readonly Found[]): readonly Found[] {
  return [...found].sort((one, other) => one.cursor - other.cursor);
}

function cut(found: readonly Found[], limit: number): Piece {
  const some = found.slice(0, limit);
  return { count: some.length, found: some, cursor: some.at(-1)?.cursor ?? 0, ended: false };
}

function sum(pieces: readonly Piece[]): number {
  return pieces.reduce((all, { count }) => all + count, 0);
}
