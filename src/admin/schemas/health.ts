/** How the relay, its sources and its destinations are, as the API says it. */
import { z } from 'zod';
import { named, pageOf, sourceName, time, timeOrNull } from './words.ts';

const status = z.enum(['pass', 'warn', 'fail']);
const count = z.int().nonnegative();

const check = named(
  'Check',
  z.object({
    observedValue: z.unknown(),
    observedUnit: z.string(),
    status,
    time,
    output: z.string().optional(),
  }),
);

const unmapped = named(
  'UnmappedType',
  z
    .object({
      type: z.string().nullable().describe('Null: those without a type.'),
      skipped: count,
      failed: count,
      last_delivery: z.string(),
      last_at: time,
      since: time,
    })
    .describe('Deliveries of one type that became nothing.'),
);

const counts = z.object({
  accepted: count,
  duplicates: count,
  unverified: count,
  limited: count,
  skipped: count,
  map_failed: count.describe('Deliveries whose mapping failed.'),
  delivered: count,
  dead: count.describe('Events that will not be tried again.'),
  waiting: count,
  last_accepted_at: timeOrNull,
});

const sourceHealth = named(
  'SourceHealth',
  counts.extend({ status, reasons: z.array(z.string()), unmapped: z.array(unmapped) }),
);

const destinationHealth = named(
  'DestinationHealth',
  z.object({
    status,
    state: z.enum(['ok', 'failing', 'paused']),
    address: z.string(),
    waiting: count,
    since: time,
    last_success_at: timeOrNull,
    next_attempt_at: timeOrNull,
    rate_limit: z.number().nullable(),
    last_error: z.object({ reason: z.string(), message: z.string(), at: time }).nullable(),
    sender: z
      .string()
      .nullable()
      .optional()
      .describe('Of several relays on one Redis: `this relay`, the id of another, or null: none was heard of.'),
  }),
);

export const health = named(
  'Health',
  z.object({
    status,
    version: z.string(),
    output: z.string().optional(),
    checks: z.record(z.string(), z.array(check)),
    relay: z.string().optional().describe('Its id among several relays on one Redis.'),
    sources: z.record(z.string(), sourceHealth),
    destinations: z.record(z.string(), destinationHealth),
  }),
);

const source = named(
  'Source',
  z.object({
    name: z.string(),
    provider: z.string().nullable(),
    url: z.string().describe('To register at the provider; a key in it shows as `<key>`.'),
    status,
    reasons: z.array(z.string()),
    state: z.enum(['open', 'closed']),
    revision: z.string().nullable().describe('Of the mapping that runs.'),
    missing: z.array(z.string()).describe('Variables that are not set.'),
    limits: z.object({ accept: z.string(), forward: z.string().nullable() }).nullable(),
    tolerance: z.string().nullable(),
    keep: z.enum(['full', 'masked', 'none']).nullable(),
    destinations: z.array(z.string()),
    counts: counts.nullable(),
    unmapped: z.array(unmapped),
  }),
);
export const sourcePage = pageOf('SourcePage', source);

export const sourceParams = z.strictObject({ source: sourceName });

export const armed = named('Armed', z.object({ source: z.string(), armed_until: time }));
export const arming = named(
  'Arming',
  z.object({
    source: z.string(),
    state: z.enum(['idle', 'armed', 'learned']),
    armed_until: time.optional(),
    learned_at: time.optional(),
    token_hidden: z.string().optional().describe('Why a secret that is to be pasted back is not in this answer.'),
    token: z.string().optional().describe('The secret to paste back at the provider; shown once.'),
  }),
);
export const forgotten = named('Forgotten', z.object({ source: z.string(), forgotten: z.boolean() }));
