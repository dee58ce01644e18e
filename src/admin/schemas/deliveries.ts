/** Deliveries, events and dead letters, as the API says them. */
import { z } from 'zod';
import { named, pageOf, pageQuery, receivedRange, sourceName, time, timeOrNull } from './words.ts';

const deliveryState = z.enum(['accepted', 'mapped', 'skipped', 'failed']);
const route = z.enum(['event', 'profile', 'profile_once', 'group', 'group_once']);
const count = z.int().nonnegative();
const counts = z.object({ created: count, waiting: count, delivered: count, dead: count });
export const typeName = z
  .string()
  .max(200, 'must be at most 200 characters')
  .describe("What happened, in the provider's words.");
export const reasonName = z
  .string()
  .regex(/^[a-z_]{1,50}$/, 'must be a reason of dead letters, like mapping_error')
  .describe('Reason of dead letters.');
export const destinationName = z.string().max(200, 'must be the name of a destination');

const head = z.object({
  id: z.string(),
  source: z.string(),
  provider: z.string(),
  type: z.string().nullable(),
  key: z.string().nullable().describe("The provider's own id."),
  state: deliveryState.describe('`accepted`: not mapped yet; `failed`: its mapping failed, and it is a dead letter.'),
  received_at: time,
  bytes: count,
});
const delivery = named('Delivery', head.extend({ events: counts }).describe('An accepted webhook.'));
export const deliveryPage = pageOf('DeliveryPage', delivery);

export const deliveriesQuery = pageQuery.extend({
  source: sourceName.optional(),
  state: deliveryState.optional(),
  type: typeName.optional(),
  ...receivedRange,
});

const deadLetterFields = z.object({
  id: z.string(),
  source: z.string(),
  delivery: z.string(),
  kind: z.enum(['mapping', 'event']).describe('What failed: the mapping of a delivery, or one event.'),
  reason: z.string(),
  message: z.string(),
  destination: z.string().optional(),
  event: z.unknown().optional().describe('As it would have been sent, without the token.'),
  attempts: count,
  created_at: time,
});
const deadLetter = named('DeadLetter', deadLetterFields.describe('What will not be tried again by itself.'));
export const deadLetterPage = pageOf('DeadLetterPage', deadLetter);

export const wholeDeadLetter = named(
  'WholeDeadLetter',
  deadLetterFields.extend({
    type: z.string().nullable(),
    received_at: time,
    event_time: timeOrNull.describe("The event's own time."),
    event_id: z.string().nullable().describe('Null: it never was an event.'),
    route: route.nullable(),
  }),
);

export const deadLettersQuery = pageQuery.extend({
  source: sourceName.optional(),
  reason: reasonName.optional(),
  kind: z.enum(['mapping', 'event']).optional(),
  state: z
    .enum(['failed', 'dead'])
    .optional()
    .describe('`failed`: deliveries whose mapping failed; `dead`: events. The same as `kind`.'),
  destination: destinationName.optional(),
  type: typeName.optional(),
  ...receivedRange,
});

const attempt = named(
  'Attempt',
  z
    .object({
      batch: z.string(),
      destination: z.string(),
      at: time,
      attempt: z.int().describe('Of its batch, from 1.'),
      status: z.int().nullable().describe('Null: there was no answer.'),
      outcome: z.string(),
      reason: z.string().nullable(),
      message: z.string().nullable(),
      ms: z.number(),
      events: z.array(z.string()).describe('Those of this delivery that it held.'),
    })
    .describe('A request that did not deliver, or only at a later try. What went well at once leaves no record.'),
);

const event = named(
  'Event',
  z.object({
    id: z.string(),
    destination: z.string(),
    route,
    state: z.enum(['waiting', 'delivered', 'dead']),
    event: z.unknown().describe('As it is sent, without the token.'),
    time: time.describe("The event's own."),
    attempts: count.describe('Requests it was part of, as far as is known.'),
    settled_at: timeOrNull,
    last_words: z.string().nullable(),
    replay: z.string().nullable().describe('The replay that made it.'),
    edited_from: z.string().nullable().describe('The dead letter that it is an edited copy of.'),
  }),
);

export const wholeDelivery = named(
  'WholeDelivery',
  head.extend({
    counts,
    method: z.string().nullable().describe('This, headers, query and body are null when they are not kept any more.'),
    headers: z.record(z.string(), z.string()).nullable().describe('Lower-case names; proofs and secrets are masked.'),
    query: z.record(z.string(), z.union([z.string(), z.array(z.string())])).nullable(),
    body: z.string().nullable(),
    body_encoding: z.enum(['text', 'base64']).nullable(),
    body_cut: z.boolean().describe('There is more than is shown.'),
    events: z.array(event),
    events_left_out: count,
    attempts: z.array(attempt).describe('Oldest first.'),
    dead_letters: z.array(deadLetter),
  }),
);

/** As the destination has it, in the sandbox's own words. */
export const sandboxPage = pageOf('SandboxPage', z.record(z.string(), z.unknown()));
