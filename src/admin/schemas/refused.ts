/** Refused requests, as the API says them. */
import { z } from 'zod';
import { type RefusalCode, refusals } from '../../errors.ts';
import { named, pageOf, pageQuery, sourceName, time } from './words.ts';

const code = z.enum(Object.keys(refusals) as [RefusalCode, ...RefusalCode[]]);

export const refusedItem = named(
  'RefusedRequest',
  z
    .object({
      id: z.string(),
      source: z.string(),
      code,
      reason: z.string().describe('For the operator; the sender was told the code alone.'),
      status: z.int(),
      received_at: time,
      address: z.string().nullable(),
      method: z.string(),
      path: z.string().describe('With its query; keys are masked.'),
      headers: z.record(z.string(), z.string()).describe('Those that carry a proof are masked.'),
      body: z
        .string()
        .nullable()
        .describe('At most 16 KB; null: it was refused before it was read, or cannot be shown.'),
      body_encoding: z.enum(['text', 'base64']).nullable(),
      body_cut: z.boolean().describe('There is more than is shown.'),
      bytes: z.int().describe('Of the body as it came.'),
      advice: z.string(),
    })
    .describe('A request that was refused for what it is. Kept in memory: the last 200.'),
);
export type RefusedItem = z.output<typeof refusedItem>;
export const refusedPage = pageOf('RefusedPage', refusedItem);

export const refusedQuery = pageQuery.extend({ source: sourceName.optional(), code: code.optional() });

export const refusedVerdict = named(
  'RefusedVerdict',
  z.object({
    id: z.string(),
    source: z.string(),
    verified: z.boolean().describe('It would be accepted now, had it just come.'),
    code: code.nullable().describe('Null: verified.'),
    reason: z.string().nullable(),
    steps: z
      .array(z.object({ step: z.string(), ok: z.boolean().nullable(), text: z.string() }))
      .describe('Of checking its proof; empty when it did not come so far. Null: no yes or no.'),
    causes: z
      .array(z.object({ cause: z.string(), advice: z.string(), certain: z.boolean() }))
      .describe('Why it does not verify, the likely ones first. Certain: with this mended it would.'),
    as_of: time.describe('When it came; signed times are held against this.'),
  }),
);
export type RefusedVerdict = z.output<typeof refusedVerdict>;
