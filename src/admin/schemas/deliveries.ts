/** Deliveries, events and dead letters, as the API says them. */
import { z } from 'zod';
import { named, pageOf, pageQuery, sourceName, time } from './words.ts';

export const deliveryState = z.enum(['accepted', 'mapped', 'skipped', 'failed']);
const count = z.int().nonnegative();

const type = z.string().max(200, 'must be at most 200 characters').describe("What happened, in the provider's words.");

const delivery = named(
  'Delivery',
  z
    .object({
      id: z.string(),
      source: z.string(),
      provider: z.string(),
      type: z.string().nullable(),
      key: z.string().nullable().describe("The provider's own id."),
      state: deliveryState,
      received_at: time,
      events: z.object({ created: count, waiting: count, delivered: count, dead: count }),
      bytes: count,
    })
    .describe('An accepted webhook.'),
);
export const deliveryPage = pageOf('DeliveryPage', delivery);

export const deliveriesQuery = pageQuery.extend({
  source: sourceName.optional(),
  state: deliveryState.optional(),
  type: type.optional(),
});

const deadLetter = named(
  'DeadLetter',
  z
    .object({
      id: z.string(),
      source: z.string(),
      delivery: z.string(),
      kind: z.enum(['mapping', 'event']),
      reason: z.string(),
      message: z.string(),
      destination: z.string().optional(),
      event: z.unknown().optional(),
      attempts: count,
      created_at: time,
    })
    .describe('What will not be tried again by itself.'),
);
export const deadLetterPage = pageOf('DeadLetterPage', deadLetter);

export const deadLettersQuery = pageQuery.extend({
  source: sourceName.optional(),
  reason: z
    .string()
    .regex(/^[a-z_]{1,50}$/, 'must be a reason of dead letters, like mapping_error')
    .optional(),
});

/** As the destination has it, in the sandbox's own words. */
export const sandboxPage = pageOf('SandboxPage', z.record(z.string(), z.unknown()));
