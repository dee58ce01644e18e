/** Ids of deliveries begin with the time of receipt (clock.ts), so the index of ids is one of time too. */
import { newId } from '../../clock.ts';

const prefix = 'dlv';
/** Ten characters of five bits. */
const timeCharacters = 10;
const timeMax = 2 ** 50 - 1;

/** Sorts before every id of a delivery received at `time` or later, and after all others. */
export function idsFrom(time: number): string {
  if (time > timeMax) return `${prefix}_~`;
  return newId(prefix, Math.max(0, Math.ceil(time))).slice(0, prefix.length + 1 + timeCharacters);
}
