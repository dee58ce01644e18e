/** Notes of the last requests that did not go well, with the events they held; in shard 0. Of help to a reader, not a promise. */
import { BufferFullError } from '../contract.ts';
import { packPositions, unpackPositions } from '../packed-positions.ts';
import { type AttemptNote, type AttemptRecord, attemptsNotedMax, attemptWordsMax } from '../reading.ts';
import type { Reply } from './connection.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';
import { StoreUnavailableError } from './trouble.ts';

const noteScript = script('note', []);
const notesScript = script('notes', [], { allowOom: true });

export class Notes {
  readonly #shard: Shard;

  constructor(shard: Shard) {
    this.#shard = shard;
  }

  async note(note: AttemptNote): Promise<void> {
    if (note.positions.length === 0) return;
    try {
      await this.#shard.call(noteScript, [String(attemptsNotedMax), noteText(note)]);
    } catch (error) {
      // Not worth making room or waiting for.
      if (!(error instanceof BufferFullError || error instanceof StoreUnavailableError)) throw error;
    }
  }

  /** Of each of these events, oldest first. */
  async of(wanted: ReadonlySet<number>): Promise<ReadonlyMap<number, readonly AttemptRecord[]>> {
    const found = new Map<number, AttemptRecord[]>();
    if (wanted.size === 0) return found;
    let [low, high] = [Number.POSITIVE_INFINITY, 0];
    for (const position of wanted) [low, high] = [Math.min(low, position), Math.max(high, position)];
    const [notes] = await this.#shard.call(notesScript, [String(low), String(high)]);
    for (const note of notes as readonly Reply[]) {
      const { record, positions } = readNote(String(note));
      for (const position of positions) {
        if (!wanted.has(position)) continue;
        const records = found.get(position);
        if (records) records.push(record);
        else found.set(position, [record]);
      }
    }
    return found;
  }
}

/** `<lowest> <highest> <JSON>`: between which positions its events lie, for a look that need not read it. */
export function noteText(note: Omit<AttemptNote, 'destination'>): string {
  const positions = [...note.positions].sort((a, b) => a - b);
  const { batch, at, attempt, status, outcome, reason, message, durationMs } = note;
  const words = message === null ? null : message.slice(0, attemptWordsMax);
  const times = [Math.trunc(at), attempt, Math.round(durationMs)];
  const packed = Buffer.from(packPositions(positions)).toString('base64');
  const text = JSON.stringify([batch, ...times, status, outcome, reason, words, packed]);
  return `${positions[0] ?? 0} ${positions.at(-1) ?? 0} ${text}`;
}

export function readNote(note: string): { record: AttemptRecord; positions: readonly number[] } {
  const [batch, at, attempt, durationMs, status, outcome, reason, message, packed] = JSON.parse(
    note.slice(note.indexOf('[')),
  ) as [
    ...[string, number, number, number, number | null],
    ...[AttemptRecord['outcome'], string | null, string | null, string],
  ];
  const record = { batch, at, attempt, status, outcome, reason, message, durationMs };
  return { record, positions: unpackPositions(Buffer.from(packed, 'base64')) };
}
