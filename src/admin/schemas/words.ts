/** Words that all schemas of the API share, and the register of those that have a name in `/api/openapi.json`. */
import { z } from 'zod';

/** Schemas with a name: `#/components/schemas/NAME`. */
export const components = z.registry<{ id: string }>();

export function named<T extends z.ZodType>(id: string, schema: T): T {
  components.add(schema, { id });
  return schema;
}

const LIMIT_MAX = 500;
export const LIMIT_DEFAULT = 50;

/** A time in an answer. */
export const time = z.string().meta({ format: 'date-time' });
export const timeOrNull = time.nullable();

/** A time in a request; without an offset it is UTC, like everything here. */
export const askedTime = z
  .string()
  .max(40)
  .refine((text) => timeOf(text) !== null, 'must be an ISO time, like 2026-11-21T10:04:00Z')
  .meta({ format: 'date-time' });

/** From when to when something was received. */
export const receivedRange = {
  since: askedTime.optional().describe('Received then or later.'),
  until: askedTime.optional().describe('Received before then.'),
};

export const sourceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be the name of a source')
  .describe('Name of a source.');

export const idParams = z.strictObject({ id: z.string().regex(/^[a-z]{3}_[\w.-]{1,150}$/) });

export const feedQuery = z.strictObject({
  source: sourceName.optional(),
  kind: z
    .string()
    .regex(
      /^[a-z_]+(\.[a-z_]+)?(,[a-z_]+(\.[a-z_]+)?){0,19}$/,
      'must be names of log lines, or their first words, with commas',
    )
    .transform((text) => text.split(','))
    .pipe(z.array(z.string()))
    .optional()
    .describe('Lines by name or first word, with commas between: `delivery,event.dead`.'),
});

export const pageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,6}$/, `must be a number from 1 to ${LIMIT_MAX}`)
    .transform(Number)
    .pipe(z.int().min(1, `must be from 1 to ${LIMIT_MAX}`).max(LIMIT_MAX, `must be from 1 to ${LIMIT_MAX}`))
    .optional()
    .describe(`Items of a page; ${LIMIT_DEFAULT} when it is not given.`),
  after: z
    .string()
    .regex(/^[\w.~=-]{1,200}$/, 'must be the `next` of the page before')
    .optional()
    .describe('`next` of the page before.'),
});

/** Newest first, unless it says otherwise. */
export function pageOf<T extends z.ZodType>(name: string, item: T) {
  const next = z.string().nullable().describe('`after` of the next page; null: this is the last.');
  return named(name, z.object({ items: z.array(item), next }));
}

export const problem = named(
  'Problem',
  z
    .object({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      code: z.string().describe('What went wrong, in a word that stays.'),
      detail: z.string().optional().describe('What went wrong here, and what to do.'),
      parameter: z.string().optional().describe('The parameter that is wrong.'),
      field: z.string().optional().describe('The field of the body that is wrong, like `selection.since`.'),
      replay: z.string().optional().describe('Id of a replay that may have begun: `GET /api/replays/{id}` knows.'),
    })
    .describe('A refusal (RFC 9457).'),
);

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** Milliseconds of an ISO time; null: it is none. */
export function timeOf(text: string): number | null {
  if (!ISO.test(text)) return null;
  const placed = /T/.test(text) && !/(Z|[+-]\d\d:?\d\d)$/.test(text) ? `${text}Z` : text;
  const parsed = Date.parse(placed);
  return Number.isNaN(parsed) ? null : parsed;
}

export const openApiDocument = named(
  'OpenApiDocument',
  z.looseObject({ openapi: z.string(), info: z.looseObject({}), paths: z.record(z.string(), z.unknown()) }),
);
