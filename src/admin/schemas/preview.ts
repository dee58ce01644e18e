/** A mapping tried out, as the API says it. */
import { z } from 'zod';
import { named, problem } from './words.ts';

/** A mapping of 32 KB and a body of 1 MB, written as JSON within JSON. */
export const PREVIEW_BYTES_MAX = 3 * 1024 * 1024;
const MAPPING_CHARACTERS_MAX = 64 * 1024;
const text = z.string().max(16_384, 'is longer than a header may be');

export const previewBody = named(
  'PreviewRequest',
  z
    .strictObject({
      mapping: z.string().max(MAPPING_CHARACTERS_MAX, 'is longer than any mapping').describe('The text of a mapping.'),
      payload: z
        .unknown()
        .optional()
        .describe('A body: parsed JSON, or with a content type that is not JSON the text as it is sent.'),
      body: z
        .string()
        .optional()
        .describe('A body byte for byte, in place of a payload; its content type is a header.'),
      body_encoding: z.enum(['text', 'base64']).optional().describe('Of `body`; `text` when it is not given.'),
      headers: z.record(z.string().max(200), text).optional().describe('Of the payload or body.'),
      query: z
        .record(z.string().max(200), z.union([text, z.array(text).max(100)]))
        .optional()
        .describe('Of the payload or body.'),
      delivery: z.string().max(200).optional().describe('Id of a delivery of this source, in place of a payload.'),
      destination: z.string().max(200).optional().describe("Whose rules; the source's first when it is not given."),
    })
    .refine(
      (asked) => ['payload', 'body', 'delivery'].filter((name) => name in asked).length === 1,
      'needs one of `payload`, `body` and `delivery`',
    )
    .refine(
      (asked) => !('delivery' in asked && ('headers' in asked || 'query' in asked)),
      'takes `headers` and `query` only with a `payload` or `body`',
    )
    .refine((asked) => 'body' in asked || !('body_encoding' in asked), 'takes `body_encoding` only with a `body`'),
);

export const preview = named(
  'Preview',
  z.object({
    events: z
      .array(z.unknown())
      .describe('Events and updates as they would be sent, without the token; none: skipped.'),
    broken: z
      .array(
        z.object({
          output: z.int().min(1).describe("Place in the mapping's result, from 1."),
          rule: z.string(),
          message: z.string(),
        }),
      )
      .describe('Outputs that break a rule of the destination; their siblings would go on.'),
    left_out: z.int().describe('Events and broken outputs beyond the 1,000 that are shown of each.'),
  }),
);

export const previewError = named(
  'PreviewError',
  problem.extend({
    code: z.string().describe("JSONata's code, like S0203, or a reason of dead letters."),
    reason: z.string().describe('The reason of the dead letter that a delivery would become.'),
    message: z.string(),
    line: z.int().min(1).optional().describe('From 1; absent: JSONata gives no position.'),
    column: z.int().min(1).optional(),
  }),
);

export type PreviewAsked = { readonly source: string } & z.output<typeof previewBody>;

export type PreviewOutcome =
  | { readonly kind: 'unknown_source' | 'unknown_delivery' | 'body_gone' | 'unknown_destination' | 'busy' }
  | { readonly kind: 'made'; readonly made: z.output<typeof preview> }
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly reason: string;
      readonly message: string;
      readonly line?: number;
      readonly column?: number;
    };
