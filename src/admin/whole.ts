/** One delivery, and one dead letter, with everything that is kept of it, as the API says it. */
import { isUtf8 } from 'node:buffer';
import type { z } from 'zod';
import type { EventRecord, WholeDeadLetter, WholeDelivery } from '../buffer/reading.ts';
import { type Mask, secretName } from '../observe/mask.ts';
import type { wholeDeadLetter, wholeDelivery } from './schemas/deliveries.ts';

type DeliveryAnswer = z.output<typeof wholeDelivery>;
type AttemptAnswer = DeliveryAnswer['attempts'][number];

/** Bodies are at most RELAY_MAX_BODY_BYTES, which may be a hundred times as much. */
const BODY_BYTES_SHOWN = 4 * 1024 * 1024;
const MASKED = '•••';

export function deliveryAnswer(whole: WholeDelivery, mask: Mask): DeliveryAnswer {
  const { events: counts, ...head } = whole.summary;
  return {
    ...head,
    counts,
    method: whole.method,
    headers: whole.headers && masked(whole.headers),
    query: whole.query && (masked(whole.query) as DeliveryAnswer['query']),
    ...bodyOf(whole.body, mask),
    events: whole.events.map(eventAnswer),
    events_left_out: whole.eventsLeftOut,
    attempts: attemptsOf(whole.events),
    dead_letters: [...whole.deadLetters],
  };
}

export function deadLetterAnswer(letter: WholeDeadLetter): z.output<typeof wholeDeadLetter> {
  const { type, receivedAt, time, eventId, route, ...fields } = letter;
  return { ...fields, type, received_at: iso(receivedAt), event_time: isoOrNull(time), event_id: eventId, route };
}

/** What proved the webhook was masked before it was kept; this is for what else a sender puts there. */
function masked<T>(fields: Readonly<Record<string, T>>): Record<string, T | string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, secretName.test(name) ? MASKED : value]),
  );
}

function bodyOf(body: Uint8Array | null, mask: Mask): Pick<DeliveryAnswer, 'body' | 'body_encoding' | 'body_cut'> {
  if (body === null) return { body: null, body_encoding: null, body_cut: false };
  const shown = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, BODY_BYTES_SHOWN));
  const body_cut = shown.length < body.length;
  if (isUtf8(body)) return { body: shown.toString('utf8'), body_encoding: 'text', body_cut };
  // No mask sees through base64.
  const text = mask.apply(shown.toString('latin1'));
  return { body: Buffer.from(text, 'latin1').toString('base64'), body_encoding: 'base64', body_cut };
}

function eventAnswer(event: EventRecord): DeliveryAnswer['events'][number] {
  const { id, destination, route, state, json, time, attempts, settledAt, lastWords, replay, editedFrom } = event;
  return {
    ...{ id, destination, route, state, event: JSON.parse(json) as unknown, time: iso(time), attempts, replay },
    ...{ settled_at: isoOrNull(settledAt), last_words: lastWords, edited_from: editedFrom },
  };
}

/** Events of one delivery usually go together: a request is told once, with those that it held. */
function attemptsOf(events: readonly EventRecord[]): AttemptAnswer[] {
  const found = new Map<string, AttemptAnswer>();
  for (const { id, destination, tries } of events) {
    for (const { batch, at, attempt, status, outcome, reason, message, durationMs } of tries) {
      const known = found.get(`${batch} ${attempt} ${at}`);
      if (known) known.events.push(id);
      else {
        const words = { batch, destination, attempt, status, outcome, reason, message };
        const told = { ...words, at: iso(at), ms: Math.round(durationMs), events: [id] };
        found.set(`${batch} ${attempt} ${at}`, told);
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function isoOrNull(time: number | null): string | null {
  return time === null ? null : iso(time);
}
