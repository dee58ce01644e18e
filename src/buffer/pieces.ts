/** A large batch in several transactions, so that others go on between them. */

/** Pieces of at most `most` rows; one item is never cut. */
export function cutIntoPieces<T>(
  items: readonly T[],
  most: number,
  weight: (item: T) => number,
): { items: T[]; rows: number }[] {
  const pieces: { items: T[]; rows: number }[] = [];
  for (const item of items) {
    const rows = weight(item);
    const last = pieces.at(-1);
    if (last && last.rows + rows <= most) {
      last.items.push(item);
      last.rows += rows;
    } else pieces.push({ items: [item], rows });
  }
  return pieces;
}
