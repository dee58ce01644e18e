/** The time of an event as mappings give it: a number of seconds or milliseconds, or ISO text; always integer milliseconds out. */
import type { RuleViolation } from '../contract.ts';
import { broken } from './rules.ts';

/** Below this a number is seconds: as seconds it is the year 5138, as milliseconds 1973. */
const SECONDS_BELOW = 1e11;

const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

export function readTime(value: unknown, otherwise: number): number | RuleViolation {
  if (value === undefined || value === null) return Math.round(otherwise);
  if (typeof value === 'number' && Number.isFinite(value)) {
    return Math.round(Math.abs(value) < SECONDS_BELOW ? value * 1000 : value);
  }
  if (typeof value === 'string') {
    const time = parseIso(value.trim());
    if (!Number.isNaN(time)) return time;
  }
  return broken(
    'time_unreadable',
    `The time ${JSON.stringify(value)?.slice(0, 80)} is neither a number of seconds or milliseconds nor ISO 8601 text.`,
  );
}

/** Without a zone it is UTC: the zone of the machine the relay runs on means nothing to the sender. */
function parseIso(text: string): number {
  const parts = ISO.exec(text);
  if (!parts) return Number.NaN;
  const [, day, clock = '00:00', zone = 'Z'] = parts;
  const time = Date.parse(`${day}T${clock.replace(',', '.')}${fullZone(zone)}`);
  // Date.parse takes 30 February for 2 March; a day that does not exist is a mistake to show.
  const dayExists = new Date(Date.parse(`${day}T00:00:00Z`));
  return !Number.isNaN(dayExists.getTime()) && dayExists.toISOString().startsWith(`${day}`) ? time : Number.NaN;
}

function fullZone(zone: string): string {
  if (zone.length === 3) return `${zone}:00`;
  return zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
}
