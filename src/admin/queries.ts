/** Query parameters of the lists, checked before anybody is asked: what is unknown or wrong is named, not ignored. */
import type { Request } from 'express';
import { z } from 'zod';
import { ProblemError } from './problems.ts';

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 500;

/** An empty field of a form or URL (`?source=`) asks for nothing. */
function optional<T extends z.ZodType>(schema: T) {
  return z.preprocess((value) => (value === '' ? undefined : value), schema.optional());
}

const source = optional(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be the name of a source'));
const page = {
  after: optional(z.string().regex(/^[\w.~=-]{1,200}$/, 'must be the `next` of the page before')),
  limit: optional(
    z
      .string()
      .regex(/^\d{1,6}$/, `must be a number from 1 to ${LIMIT_MAX}`)
      .transform(Number)
      .refine((limit) => limit >= 1 && limit <= LIMIT_MAX, `must be from 1 to ${LIMIT_MAX}`),
  ),
};

export const noQuery = z.strictObject({});
export const pageQuery = z.strictObject(page);
export const deliveriesQuery = z.strictObject({
  source,
  state: optional(z.enum(['accepted', 'mapped', 'skipped', 'failed'])),
  type: optional(z.string().max(200, 'must be at most 200 characters')),
  ...page,
});
export const deadLettersQuery = z.strictObject({
  source,
  reason: optional(z.string().regex(/^[a-z_]{1,50}$/, 'must be a reason of dead letters, like mapping_error')),
  ...page,
});

export function parseQuery<T extends z.ZodType>(schema: T, req: Request): z.output<T> {
  const parsed = schema.safeParse(req.query);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const parameter = String(issue.keys[0]).slice(0, 100);
    throw new ProblemError('bad_parameter', `There is no parameter ${parameter} here.`, { parameter });
  }
  const parameter = String(issue?.path[0] ?? '');
  throw new ProblemError('bad_parameter', `${parameter} ${sentence(issue)}.`, { parameter });
}

function sentence(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'invalid_type') return 'may stand once';
  if (issue?.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  return issue?.message ?? 'is wrong';
}

/** Only what was asked for: an absent filter is absent, not undefined. */
export function given<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

export function pageOf(query: { readonly after?: string | undefined; readonly limit?: number | undefined }): {
  readonly limit: number;
  readonly after?: string;
} {
  return { limit: query.limit ?? LIMIT_DEFAULT, ...(query.after === undefined ? {} : { after: query.after }) };
}
