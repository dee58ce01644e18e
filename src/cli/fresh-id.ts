/**
 * A new delivery id for a sample, where its provider puts it, in the shape of the old one: sent twice with the same id
 * it would be a duplicate, which is what the relay is there to notice.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { newId } from '../clock.ts';
import type { Source } from '../model.ts';
import type { Place } from '../verify/provider.ts';
import { providers } from '../verify/registry.ts';
import { setAt, valueAt } from './payload.ts';
import { isTimeLike } from './redate.ts';

export type IdSample = { readonly headers: Record<string, string>; readonly value: unknown };

export type FreshId = {
  /** False: there is no id to change. */
  readonly changed: boolean;
  /** What stood where a new one stands. */
  readonly old: readonly string[];
};

/** Changes headers and value; `keep` are places in the body that were set by hand. */
export function freshenId(source: Source, sample: IdSample, keep: ReadonlySet<string>, now: number): FreshId {
  const alternatives =
    source.provider === 'custom' ? placesOfExpression(source.deliveryId) : placesOfProvider(source.provider);
  for (const places of alternatives) {
    const before = places.map((place) => [place, readPlace(place, sample)] as const);
    if (before.some(([place, value]) => value === undefined && !place.optional)) continue;
    // One new part makes the whole id new. A time is no part of it: it is moved with all the others.
    const [place, value] = before.find(([, one]) => one !== undefined && !isTimeLike(one, now)) ?? [];
    if (place === undefined || value === undefined) return { changed: false, old: [] };
    if ('body' in place && keep.has(place.body)) return { changed: true, old: [] };
    const fresh = freshLike(`${value}`, now);
    if ('header' in place) sample.headers[place.header] = fresh;
    else setAt(sample.value, place.body.split('.'), typeof value === 'number' ? Number(fresh) : fresh);
    return { changed: true, old: [`${value}`] };
  }
  const first = alternatives[0]?.[0];
  if (first === undefined || !('header' in first)) return { changed: false, old: [] };
  // A provider that names its webhooks in a header would not send one without.
  sample.headers[first.header] = newId('msg', now);
  return { changed: true, old: [] };
}

type WritablePlace = Extract<Place, { header: string } | { body: string }>;

function readPlace(place: WritablePlace, { headers, value }: IdSample): string | number | undefined {
  const found = 'header' in place ? headers[place.header] : valueAt(value, place.body.split('.'));
  return typeof found === 'string' || typeof found === 'number' ? found : undefined;
}

/** Not what tells the kind of event, and not what may be missing: those are no ids though they are part of the key. */
function placesOfProvider(name: string): readonly (readonly WritablePlace[])[] {
  const provider = providers.get(name);
  const kinds = new Set(provider?.eventType.flat().map(placeName));
  const isId = (place: Place): place is WritablePlace =>
    ('header' in place || 'body' in place) && !place.optional && !kinds.has(placeName(place));
  return (provider?.deliveryId ?? []).map((places) => places.filter(isId)).filter((places) => places.length > 0);
}

function placeName(place: Place): string {
  return JSON.stringify(Object.entries(place)[0]);
}

/** A custom source's JSONata where it is as simple as most are: one header, or one path. */
function placesOfExpression(text: string | null): readonly (readonly WritablePlace[])[] {
  const header = /^\s*\$headers\.(?:"([^"]+)"|`([^`]+)`|(\w+))\s*$/.exec(text ?? '');
  if (header) return [[{ header: (header[1] ?? header[2] ?? header[3] ?? '').toLowerCase() }]];
  return text !== null && text !== 'body' && /^\w+(\.\w+)*$/.test(text.trim()) ? [[{ body: text.trim() }]] : [];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Fewer new characters than this could meet an old id again: then some are added. */
const NEW_MIN = 8;

export function freshLike(old: string, now: number): string {
  if (UUID.test(old)) return randomUUID();
  const head = old.lastIndexOf('_') + 1 || /^[A-Za-z]{0,2}/.exec(old)?.[0].length || 0;
  const body = old.slice(head);
  if (body.length < NEW_MIN && !/^\d*$/.test(old)) return `${old.slice(0, head)}${newId('', now).slice(1)}`;
  const chance = randomBytes(Math.max(body.length, NEW_MIN));
  const fresh = [...body.padEnd(NEW_MIN, '7')].map((one, index) => likeOne(one, chance[index] ?? 0)).join('');
  // A number must stay one that JavaScript holds, and must not begin with 0.
  return /^\d+$/.test(old) ? `1${fresh.slice(1, 15)}` : old.slice(0, head) + fresh;
}

function likeOne(character: string, chance: number): string {
  if (/[0-9]/.test(character)) return String(chance % 10);
  if (/[a-f]/.test(character)) return 'abcdef'[chance % 6] as string;
  if (/[g-z]/.test(character)) return String.fromCharCode(103 + (chance % 20));
  return /[A-Z]/.test(character) ? String.fromCharCode(65 + (chance % 26)) : character;
}
