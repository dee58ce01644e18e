/** Newest first, by cursor, over one index: exact for every filter, and never a scan. */
import type { PageRequest } from '../contract.ts';

/** The position to look below; a cursor nobody gave out starts at the newest. */
export function pageStart({ after }: PageRequest): number {
  return after !== undefined && /^\d{1,15}$/.test(after) ? Number(after) : Number.MAX_SAFE_INTEGER;
}

/** Of each kind, at first; a page of one kind among many needs few of each. */
const chunkMin = 8;

/**
 * The newest rows over many kinds, each of which can give its own newest. The heads come first: a kind whose head is
 * older than `wanted` other heads has nothing on this page, so at most `wanted` kinds are asked for more. Those are asked for few
 * rows, and for more only while the page may still hold some of theirs.
 */
export function newestOf<Kind, Row extends readonly [number, ...unknown[]]>(
  kinds: readonly Kind[],
  wanted: number,
  ask: (kind: Kind, count: number) => Row[],
): Row[] {
  const heads: { kind: Kind; position: number }[] = [];
  for (const kind of kinds) {
    const head = ask(kind, 1)[0];
    if (head) heads.push({ kind, position: head[0] });
  }
  heads.sort((a, b) => b.position - a.position);
  const count = Math.min(wanted, Math.max(chunkMin, Math.ceil((2 * wanted) / Math.max(1, heads.length))));
  const asked = heads.slice(0, wanted).map(({ kind }) => ({ kind, count, rows: ask(kind, count) }));
  for (;;) {
    const rows = asked.flatMap((one) => one.rows).sort((a, b) => b[0] - a[0]);
    const last = rows[wanted - 1]?.[0] ?? Number.NEGATIVE_INFINITY;
    const cut = asked.filter((one) => one.rows.length === one.count && one.count < wanted && lastOf(one.rows) > last);
    if (cut.length === 0) return rows.slice(0, wanted);
    for (const one of cut) {
      one.count = Math.min(wanted, 4 * one.count);
      one.rows = ask(one.kind, one.count);
    }
  }
}

function lastOf(rows: readonly (readonly [number, ...unknown[]])[]): number {
  return rows.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY;
}
