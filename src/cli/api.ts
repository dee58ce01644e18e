/**
 * The API of a running relay, as commands ask it: JSON in, JSON out, pages until there are no more. What it refuses ends the
 * command with its own words.
 */
import { UsageError } from '../errors.ts';
import type { DeadLetter } from '../model.ts';
import { clean } from '../observe/clean.ts';
import { askPrivate, type PrivateQuestion } from './private-listener.ts';

export type ApiQuestion = Pick<PrivateQuestion, 'url' | 'path'> & {
  readonly method?: PrivateQuestion['method'];
  readonly json?: unknown;
  readonly timeoutMs?: number;
};
export type ApiReply = { readonly status: number; readonly json: unknown };

/** A relay under load may take its time; it gives up itself after 5 s, or 30 where it has to count. */
const TIMEOUT_MS = 10_000;
export const COUNTING_MS = 35_000;
export const PAGE_MAX = 500;

/** Refuses nothing: for those who expect a refusal. */
export async function askApi({ method = 'GET', url, path, json, timeoutMs }: ApiQuestion): Promise<ApiReply> {
  const body = json === undefined ? {} : { body: Buffer.from(JSON.stringify(json)) };
  const reply = await askPrivate({ method, url, path, timeoutMs: timeoutMs ?? TIMEOUT_MS, ...body });
  let answer: unknown = null;
  try {
    answer = reply.body === '' ? null : JSON.parse(reply.body);
  } catch {
    throw new UsageError([`what answered is no relay's private listener: ${reply.status} without JSON`], 1);
  }
  return { status: reply.status, json: answer };
}

export async function askWell<T>(question: ApiQuestion): Promise<T> {
  const { status, json } = await askApi(question);
  if (status >= 200 && status < 300 && typeof json === 'object' && json !== null) return json as T;
  throw new UsageError([wordsOf(json, status)], 1);
}

/** What a refusal says. */
export function wordsOf(json: unknown, status: number): string {
  const { title, detail, message, line, column } = (json ?? {}) as Readonly<Record<string, unknown>>;
  const words = [title, detail, message].filter((one) => typeof one === 'string').map((one) => clean(one as string));
  const place = typeof line === 'number' ? ` (${line}:${column})` : '';
  return words.length === 0 ? `the relay answered ${status}` : `${words.join(': ')}${place}`;
}

type Page<T> = { readonly items: readonly T[]; readonly next: string | null };

/** At most `most` items, page after page. A page may be empty and have a next one. */
export async function* pagesOf<T>(
  { url, path }: Pick<ApiQuestion, 'url' | 'path'>,
  filter: Readonly<Record<string, string | undefined>>,
  most: number,
): AsyncGenerator<readonly T[]> {
  let after: string | null = null;
  let left = most;
  do {
    const fields = Object.entries({ ...filter, limit: String(Math.min(PAGE_MAX, left)), after: after ?? undefined });
    const query = new URLSearchParams(fields.filter((field): field is [string, string] => field[1] !== undefined));
    const page: Page<T> = await askWell({ url, path: `${path}?${query}` });
    if (!Array.isArray(page.items)) throw new UsageError(["what answered is no relay's private listener"], 1);
    yield page.items;
    left -= page.items.length;
    after = page.next;
  } while (after !== null && left > 0);
}

export async function allOf<T>(
  at: Pick<ApiQuestion, 'url' | 'path'>,
  filter: Readonly<Record<string, string | undefined>>,
  most: number,
): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const page of pagesOf<T>(at, filter, most)) items.push(...page);
  return items.slice(0, most);
}

/** `--last 50`: a number from 1 to `most`. */
export function readCount(text: string | undefined, name: string, otherwise: number, most: number): number {
  if (text === undefined) return otherwise;
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= most) return count;
  throw new UsageError([`${name} must be a number from 1 to ${most}`]);
}

/** The parts of the API that commands read. */
export type ApiDelivery = {
  readonly id: string;
  readonly source: string;
  readonly provider: string;
  readonly type: string | null;
  readonly key: string | null;
  readonly state: 'accepted' | 'mapped' | 'skipped' | 'failed';
  readonly received_at: string;
  readonly bytes: number;
};

export type ApiEvent = {
  readonly id: string;
  readonly destination: string;
  readonly state: 'waiting' | 'delivered' | 'dead';
  readonly event: unknown;
  readonly attempts: number;
  readonly settled_at: string | null;
  readonly last_words: string | null;
};

export type ApiWholeDelivery = ApiDelivery & {
  readonly method: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly query: Readonly<Record<string, string | readonly string[]>> | null;
  readonly body: string | null;
  readonly body_encoding: 'text' | 'base64' | null;
  readonly body_cut: boolean;
  readonly events: readonly ApiEvent[];
  readonly events_left_out: number;
  readonly attempts: readonly {
    readonly at: string;
    readonly attempt: number;
    readonly status: number | null;
    readonly outcome: string;
    readonly reason: string | null;
    readonly message: string | null;
    readonly destination: string;
  }[];
  readonly dead_letters: readonly DeadLetter[];
};

/** Ids of the API; anything else would be another path. */
export function readId(id: string, ...kinds: readonly string[]): string {
  if (new RegExp(`^(?:${kinds.join('|')})_[\\w.~-]{1,150}$`).test(id)) return id;
  throw new UsageError([
    `${JSON.stringify(id)} is no id: they begin with ${kinds.map((kind) => `${kind}_`).join(' or ')}`,
  ]);
}
