/** A request against its endpoint, checked before anybody is asked: what is unknown or wrong is named, not ignored. */
import express, { type Request, type Response } from 'express';
import { z } from 'zod';
import type { Endpoint } from './endpoint.ts';
import { ProblemError } from './problems.ts';
import { LIMIT_DEFAULT } from './schemas/words.ts';

const BODY_BYTES_MAX = 1024 * 1024;
const noQuery = z.strictObject({});

export type Checked = { readonly params: object; readonly query: object; readonly body: unknown };

export async function checkRequest(endpoint: Endpoint, req: Request, res: Response): Promise<Checked> {
  const params = paramsOf(endpoint, req);
  const query = queryOf(endpoint, req);
  return { params, query, body: await bodyOf(endpoint, req, res) };
}

/** A name that cannot be is nobody's. */
function paramsOf({ params }: Endpoint, req: Request): object {
  const parsed = params?.safeParse(req.params);
  if (parsed?.success === false) throw new ProblemError('not_found');
  return parsed?.data ?? {};
}

function queryOf({ query: schema = noQuery }: Endpoint, req: Request): object {
  if (schema === 'any') return {};
  // An empty field of a form or URL (`?source=`) asks for nothing.
  const given = Object.entries(req.query).filter(([name, value]) => value !== '' || !Object.hasOwn(schema.shape, name));
  const parsed = schema.safeParse(Object.fromEntries(given));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const parameter = String(issue.keys[0]).slice(0, 100);
    throw new ProblemError('bad_parameter', `There is no parameter ${parameter} here.`, { parameter });
  }
  const parameter = String(issue?.path[0] ?? '');
  const sentence = issue?.code === 'invalid_type' ? 'may stand once' : sentenceOf(issue);
  throw new ProblemError('bad_parameter', `${parameter} ${sentence}.`, { parameter });
}

async function bodyOf(endpoint: Endpoint, req: Request, res: Response): Promise<unknown> {
  if (endpoint.body === undefined) return {};
  // Anything else a page of another site could send without asking first.
  if (!req.is('application/json')) throw new ProblemError('not_json');
  await readJson(req, res, endpoint.bodyBytesMax ?? BODY_BYTES_MAX);
  const parsed = endpoint.body.safeParse(req.body);
  if (parsed.success) return parsed.data;
  const { field, sentence } = firstWrong(parsed.error.issues, []);
  throw new ProblemError('bad_body', `${field === '' ? 'The body' : field} ${sentence}.`, { field });
}

function readJson(req: Request, res: Response, limit: number): Promise<void> {
  const read = express.json({ limit, strict: false });
  return new Promise((resolve, reject) => {
    read(req, res, (error?: unknown) => {
      if (error === undefined) return resolve();
      const { status } = error as { status?: unknown };
      if (status === 413) reject(new ProblemError('too_large', `It may have ${limit} bytes.`));
      else if (status === 415) reject(new ProblemError('not_json'));
      else reject(new ProblemError('bad_body', 'The body is no JSON.'));
    });
  });
}

type Issue = z.core.$ZodIssue;

/** Of several forms that a value may have, what the one nearest to it misses. */
function firstWrong(issues: readonly Issue[], at: readonly PropertyKey[]): { field: string; sentence: string } {
  const [issue] = issues;
  const path = [...at, ...(issue?.path ?? [])];
  if (issue?.code === 'invalid_union' && issue.errors.length > 0) {
    const nearest = issue.errors.toSorted((a, b) => a.length - b.length)[0] ?? [];
    return firstWrong(nearest, path);
  }
  if (issue?.code === 'unrecognized_keys') {
    const field = [...path, issue.keys[0] ?? ''].map(String).join('.').slice(0, 200);
    return { field, sentence: 'is no field here' };
  }
  return { field: path.map(String).join('.').slice(0, 200), sentence: sentenceOf(issue) };
}

function sentenceOf(issue: Issue | undefined): string {
  if (issue?.code === 'invalid_type')
    return issue.input === undefined && /undefined$/.test(issue.message)
      ? 'is missing'
      : `must be ${article(issue.expected)}`;
  if (issue?.code === 'invalid_value') return `must be ${oneOf(issue.values.map(String))}`;
  return issue?.message ?? 'is wrong';
}

function article(type: string): string {
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`;
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`;
}

/** Only what was asked for: an absent filter is absent, not undefined. */
export function given<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The page that was asked for. */
export function pageOf(query: { readonly after?: string | undefined; readonly limit?: number | undefined }): {
  readonly limit: number;
  readonly after?: string;
} {
  return { limit: query.limit ?? LIMIT_DEFAULT, ...(query.after === undefined ? {} : { after: query.after }) };
}
