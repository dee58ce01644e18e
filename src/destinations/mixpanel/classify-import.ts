/**
 * From the answer of `/import?strict=1` to an outcome: it names each refused record by its index and has stored the others, also
 * under status 400. Pure; the table is facts/destinations §4, rows 5 to 8; what is not about records is as for `/track`.
 *
 * A record that is not named counts as stored only when the numbers say so or nothing contradicts it; else it is sent once more,
 * which is harmless, because a copy is known by its four identity values.
 */
import type { Outcome, Verdict } from '../../model.ts';
import { type Answer, classifyAnswer, cutWords, parseJson } from './classify.ts';
import { isRecord } from './rules.ts';

export type ImportAnswer = Answer & {
  /** In the request. */
  readonly records: number;
};

/** Once more, and no oftener. */
const MISCOUNT_ATTEMPTS_MAX = 2;
const DELIVERED: Verdict = { kind: 'delivered' };

export function classifyImport(answer: ImportAnswer, now: number): Outcome {
  const { status, records } = answer;
  const succeeded = status >= 200 && status < 300;
  const parsed = succeeded || status === 400 ? parseJson(answer.body) : undefined;
  if (!isRecord(parsed)) return classifyAnswer(answer, now);
  const { failed_records: listed, num_records_imported: imported } = parsed;
  const failed = readFailed(Array.isArray(listed) ? listed : [], records);
  if (failed.named.size === 0 && (!succeeded || typeof imported !== 'number')) return classifyAnswer(answer, now);
  if (failed.named.size === 0 && imported === records) return { kind: 'delivered' };
  const addsUp = typeof imported === 'number' ? imported + failed.named.size === records : failed.sound;
  const counted = `${String(imported)} imported, ${failed.named.size} refused by name, of ${records}`;
  const other: Verdict = addsUp
    ? DELIVERED
    : {
        ...{ kind: 'retry', reason: 'unreadable_answer', attemptsMax: MISCOUNT_ATTEMPTS_MAX },
        message: `${status}: the numbers do not add up: ${counted}`,
      };
  const verdictOf = (index: number): Verdict => {
    const message = failed.named.get(index);
    return message === undefined ? other : { kind: 'dead', reason: 'rejected', message: `${status}: ${message}` };
  };
  return { kind: 'partial', verdicts: Array.from({ length: records }, (_, index) => verdictOf(index)) };
}

type Failed = {
  /** Their own words, by index. */
  readonly named: ReadonlyMap<number, string>;
  /** Each entry names a record of the request. */
  readonly sound: boolean;
};

/** By index and never by `insert_id`, which goes by two names and may be what is wrong. The first entry of an index counts. */
function readFailed(listed: readonly unknown[], records: number): Failed {
  const named = new Map<number, string>();
  let sound = true;
  for (const entry of listed) {
    const index = isRecord(entry) ? entry.index : undefined;
    if (!isRecord(entry) || !isIndex(index, records)) sound = false;
    else if (!named.has(index)) named.set(index, wordsOf(entry));
  }
  return { named, sound };
}

function isIndex(value: unknown, records: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < records;
}

function wordsOf({ message, field }: Readonly<Record<string, unknown>>): string {
  if (typeof message === 'string' && message !== '') return cutWords(message);
  return typeof field === 'string' && field !== '' ? `${cutWords(field)} was refused.` : 'Refused without a reason.';
}
