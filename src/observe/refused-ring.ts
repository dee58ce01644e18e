/**
 * The last refused requests, so that an operator sees why a provider's webhooks do not verify, and can try them again after
 * the secret was mended. In memory alone and bounded: the last 200, each body to 16 KB; the newest bodies whole, 8 MB of
 * them together, because a signature is over the whole body. What it holds is as it came: whoever shows it masks it.
 */
import { type Clock, newId } from '../clock.ts';
import type { RefusalCode } from '../errors.ts';
import type { RawRequest } from '../verify/contract.ts';

export type RefusedRequest = {
  readonly source: string;
  readonly code: RefusalCode;
  /** For the operator only. */
  readonly reason: string;
  readonly status: number;
  readonly address: string | undefined;
  readonly request: Pick<RawRequest, 'method' | 'target' | 'pathKey' | 'query' | 'headers'>;
  /** Null: it was refused before it was read. */
  readonly body: Uint8Array | null;
  /** Where its proof stood, as the source was configured then. */
  readonly proofHeaders: readonly string[];
  readonly proofQuery: readonly string[];
};

export type RefusedEntry = RefusedRequest & {
  readonly id: string;
  readonly sequence: number;
  readonly receivedAt: number;
  /** Of the body as it came. */
  readonly bytes: number;
  /** `body` is not all of it any more. */
  readonly cut: boolean;
};

export type RefusedFilter = { readonly source?: string; readonly code?: string };

export type RefusedRing = {
  /** Gives its id. */
  readonly add: (refused: RefusedRequest) => string;
  /** Newest first; `after` is the `next` of the page before. */
  readonly list: (
    filter: RefusedFilter,
    page: { readonly limit: number; readonly after?: string },
  ) => { readonly items: readonly RefusedEntry[]; readonly next: string | null };
  readonly get: (id: string) => RefusedEntry | null;
};

export const refusedKeptMax = 200;
export const refusedBodyBytesMax = 16 * 1024;
const WHOLE_BYTES_MAX = 8 * 1024 * 1024;

export function createRefusedRing(clock: Clock): RefusedRing {
  /** Oldest first. */
  const entries: RefusedEntry[] = [];
  let sequence = 0;
  /** Of bodies, above the 16 KB that each may have. */
  let wholeBytes = 0;

  const beyond = ({ body }: RefusedEntry) => Math.max(0, (body?.length ?? 0) - refusedBodyBytesMax);
  const cutOldest = () => {
    for (let at = 0; at < entries.length && wholeBytes > WHOLE_BYTES_MAX; at++) {
      const entry = entries[at] as RefusedEntry;
      if (beyond(entry) === 0 || entry.body === null) continue;
      wholeBytes -= beyond(entry);
      // A copy: a view would keep the whole.
      entries[at] = { ...entry, body: entry.body.slice(0, refusedBodyBytesMax), cut: true };
    }
  };

  return {
    add(refused) {
      const receivedAt = clock.now();
      // A copy: what came from the socket may be a part of something larger.
      const body = refused.body === null ? null : new Uint8Array(refused.body);
      const more = { id: newId('ref', receivedAt), sequence: ++sequence, receivedAt, bytes: body?.length ?? 0 };
      const entry: RefusedEntry = { ...refused, body, ...more, cut: false };
      entries.push(entry);
      wholeBytes += beyond(entry);
      const gone = entries.length > refusedKeptMax ? entries.shift() : undefined;
      if (gone) wholeBytes -= beyond(gone);
      cutOldest();
      return entry.id;
    },
    list({ source, code }, { limit, after }) {
      const before = after === undefined ? Number.POSITIVE_INFINITY : Number(after);
      const found = entries.filter(
        (entry) =>
          entry.sequence < before &&
          (source === undefined || entry.source === source) &&
          (code === undefined || entry.code === code),
      );
      const items = found.toReversed().slice(0, limit);
      const last = items.at(-1);
      return { items, next: last && found.length > items.length ? String(last.sequence) : null };
    },
    get: (id) => entries.find((entry) => entry.id === id) ?? null,
  };
}
