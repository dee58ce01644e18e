/** One delivery with everything that is kept of it; bounded, however much it became. */
import type { Fields } from '../../model.ts';
import { origin } from '../event-ids.ts';
import { type EventRecord, eventBytesShownMax, eventsShownMax, type WholeDelivery } from '../reading.ts';
import type { Reply } from './connection.ts';
import { laneParts } from './keys.ts';
import { deadLetterOf, type LetterRow, letterFields, readLetter } from './reading-letters.ts';
import { readSummary } from './reading-lists.ts';
import type { Notes } from './reading-notes.ts';
import { rowsOf, textOf } from './reading-pages.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

const wholeScript = script('whole', ['events', 'summary', 'runs', 'letterkinds'], { allowOom: true });
const eventFields = 7;

type Head = { readonly method: string; readonly headers: Record<string, string>; readonly query: Fields };
type Tries = Awaited<ReturnType<Notes['of']>>;

export class WholeDeliveries {
  readonly #shards: readonly Shard[];
  readonly #notes: Notes;

  constructor(shards: readonly Shard[], notes: Notes) {
    this.#shards = shards;
    this.#notes = notes;
  }

  async one(id: string): Promise<WholeDelivery | null> {
    const args = [id, String(eventsShownMax), String(eventBytesShownMax)];
    const replies = await Promise.all(this.#shards.map((shard) => shard.call(wholeScript, args, { bytes: true })));
    const reply = replies.find(({ length }) => length > 0);
    if (!reply) return null;
    const [summary, lastLeft, head, body, count, events, letters, about] = reply;
    const rows = rowsOf(events, eventFields).map((row) => row.map(String));
    const tries = await this.#notes.of(new Set(rows.map(([position]) => Number(position))));
    const buried = rowsOf(letters, letterFields).map(readLetter);
    const deaths = new Map((about as readonly Reply[]).map((event, index) => [textOf(event), buried[index]]));
    const request = head === null || head === undefined ? null : (JSON.parse(String(head)) as Head);
    const settledAt = lastLeft === null ? null : Number(String(lastLeft));
    return {
      summary: readSummary(summary as readonly Reply[]),
      method: request?.method ?? null,
      headers: request?.headers ?? null,
      query: request?.query ?? null,
      body: body instanceof Buffer ? new Uint8Array(body) : null,
      events: rows.map((row) => readEvent(row, tries, deaths.get(row[0] as string), settledAt)),
      eventsLeftOut: Number(count) - rows.length,
      deadLetters: buried.map(deadLetterOf),
    };
  }
}

function readEvent(
  row: readonly string[],
  tries: Tries,
  death: LetterRow | undefined,
  lastLeft: number | null,
): EventRecord {
  const [position, id, lane, time, json, state, sent] = row as [
    ...[string, string, string, string, string, string, string],
  ];
  const noted = tries.get(Number(position)) ?? [];
  const lastNoted = noted.findLast(({ message }) => message !== null)?.message ?? null;
  const attempts = Math.max(Number(sent), noted.length);
  const { destination, route } = laneParts(lane);
  const known = {
    ...{ id, destination, route: route as EventRecord['route'], json, time: Number(time), tries: noted },
    ...origin(id),
  };
  if (state === 'w')
    return { ...known, state: 'waiting', attempts, settledAt: null, reason: null, lastWords: lastNoted };
  if (state === 'd')
    return {
      ...known,
      ...{ state: 'delivered', attempts: noted.length, settledAt: lastLeft, reason: null, lastWords: lastNoted },
    };
  // Its letter may have given way to newer ones.
  return {
    ...known,
    state: 'dead',
    attempts: Math.max(death?.letter.attempts ?? 0, noted.length),
    settledAt: death?.createdAt ?? lastLeft,
    reason: death?.letter.reason ?? null,
    lastWords: death?.letter.message ?? lastNoted,
  };
}
