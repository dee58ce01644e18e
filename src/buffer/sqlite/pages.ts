/** Newest first, by cursor, over one index: exact for every filter, and never a scan. */
import type { PageRequest } from '../contract.ts';

/** The position to look below; a cursor nobody gave out starts at the newest. */
export function pageStart({ after }: PageRequest): number {
  return after !== undefined && /^\d{1,15}$/.test(after) ? Number(after) : Number.MAX_SAFE_INTEGER;
}

/**
 * The newest rows over many kinds, each of which can give its own newest. The heads come first: a kind whose head is
 * older than `wanted` other heads has nothing on this page, so at most `wanted` kinds are asked for more.
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
  const rows = heads.slice(0, wanted).flatMap(({ kind }) => ask(kind, wanted));
  return rows.sort((a, b) => b[0] - a[0]).slice(0, wanted);
}
