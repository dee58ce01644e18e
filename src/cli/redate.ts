/**
 * Moves every time in a sample by the same amount, so that what happened then happens now: Mixpanel takes no event
 * older than five days, and samples grow old. Distances between times stay.
 */
import { isExact } from './payload.ts';

/** Whole seconds, so that seconds and milliseconds move alike and fractions stay. */
export function shiftTo(anchorMs: number, nowMs: number): number {
  return Math.floor((nowMs - anchorMs) / 1000) * 1000;
}

/** Numbers further than this from the anchor are something else: 10 years. */
const NEAR_MS = 3_652 * 86_400_000;
/** Names of numbers that are times: `created`, `paid_at`, `period_end`, `eventTime`, `event_ts`. Ids can look like times. */
const TIME_NAME =
  /(^|[_-])(created|updated|modified|time|timestamp|ts|date|start|end|at|until|since|anchor|attempt|on)(_ms)?$|[a-z](At|Time|Timestamp|Date|On)$/;
const ISO = /^(\d{4}-\d{2}-\d{2})([T ])(\d{2}:\d{2}:\d{2})(.*)$/;
const ISO_REST = /^(?:[.,]\d{1,9})? ?(?:Z|UTC|[+-]\d{2}:?\d{2})?$/;
/** Slack's times: seconds and microseconds as text. */
const DECIMAL_SECONDS = /^(\d{10})(\.\d{1,6})$/;

export type Shift = { readonly anchorMs: number; readonly byMs: number };

/** Changes objects and lists in place. */
export function redate(value: unknown, shift: Shift): void {
  if (typeof value !== 'object' || value === null || isExact(value)) return;
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner === 'object') redate(inner, shift);
    else (value as Record<string, unknown>)[name] = redatedField(name, inner, shift);
  }
}

function redatedField(name: string, value: unknown, shift: Shift): unknown {
  if (typeof value === 'string') return redateText(value, shift);
  if (typeof value !== 'number' || !Number.isInteger(value) || !TIME_NAME.test(name)) return value;
  if (Math.abs(value * 1000 - shift.anchorMs) < NEAR_MS) return value + shift.byMs / 1000;
  return Math.abs(value - shift.anchorMs) < NEAR_MS ? value + shift.byMs : value;
}

/** A text that is a time as a whole; zone and fraction stay as they were written. */
export function redateText(text: string, { anchorMs, byMs }: Shift): string {
  const decimal = DECIMAL_SECONDS.exec(text);
  if (decimal) {
    const seconds = Number(decimal[1]);
    return Math.abs(seconds * 1000 - anchorMs) < NEAR_MS ? `${seconds + byMs / 1000}${decimal[2]}` : text;
  }
  const iso = ISO.exec(text);
  if (!iso || !ISO_REST.test(iso[4] as string)) return text;
  // The clock on the wall moves by the same amount, whatever its zone.
  const wall = Date.parse(`${iso[1]}T${iso[3]}Z`);
  if (Number.isNaN(wall) || Math.abs(wall - anchorMs) > NEAR_MS) return text;
  const [day = '', clock = ''] = new Date(wall + byMs).toISOString().slice(0, 19).split('T');
  return `${day}${iso[2]}${clock}${iso[4]}`;
}

/** Whether a value holds a time, which a re-dated sample changes. */
export function isTimeLike(value: unknown, anchorMs: number): boolean {
  const shift = { anchorMs, byMs: 1000 };
  if (typeof value === 'string') return redateText(value, shift) !== value;
  return typeof value === 'number' && redatedField('time', value, shift) !== value;
}
