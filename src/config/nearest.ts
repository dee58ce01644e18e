/** "Did you mean …?": the nearest of some words, when it is near enough to be a slip of the hand. */

/** Words longer than this are no slip: the table below grows with the product of two lengths. */
const LENGTH_MAX = 80;

export function nearest(given: string, words: Iterable<string>): string | undefined {
  if (given.length > LENGTH_MAX) return undefined;
  const sought = given.toLowerCase();
  let best: string | undefined;
  // A third of the word may be wrong, and always one letter: `secert` is secret, `RELAY_XYZ` is nothing.
  let bestDistance = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const word of words) {
    const distance = word.length > LENGTH_MAX ? Infinity : editDistance(sought, word.toLowerCase());
    if (distance < bestDistance) {
      best = word;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` (did you mean x?)`, or nothing. */
export function didYouMean(given: string, words: Iterable<string>): string {
  const word = nearest(given, words);
  return word === undefined ? '' : ` (did you mean ${word}?)`;
}

/** Letters to insert, drop, change or swap with their neighbour, three rows of the table at a time. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swap = swapped ? (before[j - 2] as number) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(changed, swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    before = row;
    row = next;
  }
  return row[to.length] as number;
}
