/**
 * A move from one store to another (`carrying.ts`), step by step, so that it can end after any of them and be begun again:
 *
 *   1. both sides get their marks: no relay starts on either from here on
 *   2. all pieces are taken; those that are there already change nothing
 *   3. both sides are counted; when they differ, the marks stay and nothing is said to have moved
 *   4. the source is marked as moved, for good; only then the target is let go
 *
 * At no moment may a relay start on both, and the source keeps all it had.
 */
import { type Clock, newId } from '../clock.ts';
import { UsageError } from '../errors.ts';
import { type CarriedReplay, type Carrying, type Counts, counted, type MoveMark, type Piece } from './carrying.ts';

export type Moved = {
  readonly counts: { readonly from: Counts; readonly to: Counts };
  readonly same: boolean;
  /** It was over before: this is what was counted then. */
  readonly before: boolean;
  /** Replays that were still selecting, and are cancelled by the move. */
  readonly cut: readonly string[];
};

type Sides = { readonly from: Carrying; readonly to: Carrying };
type Told = (kind: Piece['kind'], rows: number) => void;

/** Counting is over by then; a key that ends sooner may end between the one count and the other. */
const countingMs = 10 * 60_000;

/** Throws a UsageError (exit code 1) when one of the two is not to be moved from, or to. */
export async function move(sides: Sides, clock: Clock, told: Told): Promise<Moved> {
  const { from, to } = sides;
  const known = await markedSides(sides, clock);
  if ('over' in known) return known.over;
  const { mark } = known;
  const cut: string[] = [];
  for await (const piece of from.pieces()) {
    await to.take(piece, from);
    if (piece.kind === 'replays') cut.push(...piece.rows.filter((row: CarriedReplay) => row.cut).map(({ id }) => id));
    told(piece.kind, piece.rows.length);
  }
  const counts = await countBoth(sides, clock);
  const same = areSame(counts.from, counts.to);
  if (same) await finish(sides, mark, counts.from, clock);
  return { counts, same, before: false, cut };
}

/** Takes the mark away that keeps relays out. Answers what it said; null: there was none. */
export async function unmark(place: Carrying): Promise<MoveMark | null> {
  const mark = await place.mark();
  if (mark === null || mark.role === 'arrived') return null;
  if (mark.role === 'arriving')
    throw new UsageError(
      [`What is in ${place.place} is only a part of what is in ${mark.other}: finish that move, or empty this place.`],
      1,
    );
  await place.setMark(null);
  return mark;
}

/** The mark that both sides have now; or what came of a move that was over before. */
async function markedSides({ from, to }: Sides, clock: Clock): Promise<{ mark: string } | { over: Moved }> {
  const [own, others] = [await from.mark(), await to.mark()];
  const resumes = own !== null && others !== null && own.move === others.move;
  if (resumes && own.role === 'moved') return { over: await overBefore({ from, to }, own, others, clock) };
  if (own?.role === 'moved')
    throw new UsageError(
      [
        `What is in ${from.place} was moved to ${own.other} on ${new Date(own.at).toISOString()}. To move it a second time take its mark away first: trackrelay move --unmark.`,
      ],
      1,
    );
  if (own?.role === 'arriving')
    throw new UsageError([`${from.place} holds only a part of ${own.other}: finish that move first.`], 1);
  if (others !== null && others.role !== 'arrived' && !resumes)
    throw new UsageError([`${to.place} is part of another move, with ${others.other}: finish that first.`], 1);
  if (!resumes && !(await to.empty()))
    throw new UsageError([`${to.place} is not empty: what is there would be mixed with what comes.`], 1);
  const mark = own?.role === 'leaving' ? own.move : newId('mov', clock.now());
  const at = own?.role === 'leaving' ? own.at : Math.trunc(clock.now());
  // Before anything is read: what is accepted later would stay behind.
  await from.setMark({ move: mark, role: 'leaving', other: to.place, at });
  await to.setMark({ move: mark, role: 'arriving', other: from.place, at });
  return { mark };
}

/** It ended between its last steps, or is asked for once more: relays may have worked there since, so nothing is counted again. */
async function overBefore({ from, to }: Sides, own: MoveMark, others: MoveMark, clock: Clock): Promise<Moved> {
  const counts = own.counts ?? (await from.counts(clock.now()));
  if (others.role === 'arriving') await to.setMark({ ...others, role: 'arrived', counts });
  return { counts: { from: counts, to: counts }, same: true, before: true, cut: [] };
}

async function countBoth({ from, to }: Sides, clock: Clock): Promise<Moved['counts']> {
  const count = async () => {
    const keysUntil = Math.trunc(clock.now()) + countingMs;
    return { from: await from.counts(keysUntil), to: await to.counts(keysUntil) };
  };
  const counts = await count();
  // Redis may show a key twice while it shrinks a table; not a second time.
  return areSame(counts.from, counts.to) ? counts : await count();
}

async function finish({ from, to }: Sides, move: string, counts: Counts, clock: Clock): Promise<void> {
  const at = Math.trunc(clock.now());
  // Durable, and with it all that was taken: before anybody says that the source may be forgotten.
  await to.setMark({ move, role: 'arriving', other: from.place, at, counts });
  await from.setMark({ move, role: 'moved', other: to.place, at, counts });
  await to.setMark({ move, role: 'arrived', other: from.place, at, counts });
}

function areSame(one: Counts, other: Counts): boolean {
  return counted.every((what) => one[what] === other[what]);
}
