/**
 * Every answer of the private port in a test against the schemas that `/api/openapi.json` is made from: the status and content
 * type are documented, the body is as it says, and nothing is in it that the document does not know. What is wrong fails
 * the test that asked.
 */
import type { RequestListener } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, expect } from 'vitest';
import type { z } from 'zod';
import type { Endpoint } from '../../src/admin/endpoint.ts';
import { endpointIds, endpointOf } from '../../src/admin/endpoints.ts';
import { adminProblems } from '../../src/admin/problems.ts';
import { problem } from '../../src/admin/schemas/words.ts';

const violations: string[] = [];

afterEach(() => {
  expect(violations.splice(0)).toEqual([]);
});

/** The same listener; its answers are looked at as they leave. */
export function checked(app: RequestListener): RequestListener {
  return (req, res) => {
    const chunks: Buffer[] = [];
    for (const name of ['write', 'end'] as const) {
      const original = res[name].bind(res) as (...rest: unknown[]) => never;
      const spied = (chunk: unknown, ...rest: unknown[]) => {
        if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string));
        return original(chunk, ...rest);
      };
      Object.assign(res, { [name]: spied });
    }
    res.once('finish', () => {
      const { method = '', url = '' } = req;
      const type = String(res.getHeader('content-type') ?? '');
      const text = Buffer.concat(chunks).toString('utf8');
      const wrong = wrongWith({ method, url, status: res.statusCode, type, text });
      if (wrong !== null) violations.push(`${method} ${url} ${res.statusCode}: ${wrong}`);
    });
    app(req, res);
  };
}

export function endpointFor(method: string, path: string): Endpoint | null {
  const asked = method === 'HEAD' ? 'get' : method.toLowerCase();
  const found = endpointIds.map(endpointOf).filter((endpoint) => {
    const pattern = new RegExp(`^${endpoint.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    return endpoint.method === asked && pattern.test(path);
  });
  return found[0] ?? null;
}

export type Told = {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly status: number;
  /** Content-Type. */
  readonly type: string;
  readonly text: string;
};

/** Null: it is as the document says. */
export function wrongWith({ method, url, status, text, ...told }: Told): string | null {
  const type = told.type.split(';')[0] as string;
  const endpoint = endpointFor(method, url.split('?')[0] as string);
  if (type === 'application/problem+json') {
    if (method === 'HEAD') return null;
    const body = JSON.parse(text) as { code: string; status: number };
    if (body.status !== status) return 'its status is another';
    const own = endpoint?.answers[status];
    if (own?.type === type && own.schema) return mismatch(own.schema, body);
    return known(endpoint, body.code) ? mismatch(problem, body) : `${body.code} is not documented here`;
  }
  const answer = endpoint?.answers[status];
  if (answer === undefined) return 'is not documented';
  const expected = answer.type ?? (answer.schema ? 'application/json' : '');
  if (type !== expected) return `is ${type}, not ${expected}`;
  if (answer.schema === undefined || method === 'HEAD') return null;
  return mismatch(answer.schema, JSON.parse(text));
}

/** What any request may be told, or what this endpoint says of itself. */
function known(endpoint: Endpoint | null, code: string): boolean {
  const anywhere = ['bad_parameter', 'bad_body', 'bad_request', 'unauthorized', 'foreign_host', 'foreign_origin'];
  anywhere.push('read_only', 'not_found', 'method_not_allowed', 'too_large', 'not_json', 'too_many_attempts');
  anywhere.push('failed', 'unavailable');
  return (code in adminProblems && anywhere.includes(code)) || (endpoint?.problems ?? []).some((one) => one === code);
}

/** Schemas leave out what they do not know, so the difference is what nobody documented. */
function mismatch(schema: z.ZodType, body: unknown): string | null {
  const parsed = schema.safeParse(body);
  if (!parsed.success) return parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ');
  if (isDeepStrictEqual(parsed.data, body)) return null;
  return `holds more than the document says: ${JSON.stringify(body).slice(0, 500)}`;
}
