/**
 * A request as the verifier sees it, with its body in three states: as sent, inflated, parsed. The later two are worked
 * out once and only when asked for, so that a forged signature over the bytes costs no parse.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Request } from 'express';
import { type Inflated, inflate } from '../body/inflate.ts';
import type { Parsed } from '../body/outcome.ts';
import { parseBody } from '../body/parse.ts';
import type { BodyForm, Fields } from '../model.ts';
import type { RawRequest } from '../verify/contract.ts';

export type Opened = {
  readonly request: RawRequest;
  readonly inflated: () => Inflated;
  readonly parsed: () => Parsed;
};

export function openRequest(req: Request, body: Uint8Array, form: BodyForm, bytesMax: number): Opened {
  return openRaw({ ...headOf(req), body }, form, bytesMax);
}

/** A request but for its body. */
export function headOf(req: Request): Omit<RawRequest, 'body' | 'parsed'> {
  const target = req.originalUrl;
  const at = target.indexOf('?');
  const key = req.params.key;
  return {
    method: req.method,
    target,
    pathKey: typeof key === 'string' ? key : null,
    query: at === -1 ? {} : queryFields(target.slice(at + 1)),
    headers: singleHeaders(req.headers),
  };
}

export function openRaw(raw: Omit<RawRequest, 'parsed'>, form: BodyForm, bytesMax: number): Opened {
  const { method, headers, body } = raw;
  const inflated = once(() => inflate(body, headers['content-encoding'], bytesMax));
  const parsed = once((): Parsed => {
    const plain = inflated();
    if (!plain.ok) return plain;
    return parseBody(plain.bytes, headers['content-type'], { ...form, emptyIsNull: method === 'GET' });
  });
  const request: RawRequest = {
    ...raw,
    parsed: () => {
      const outcome = parsed();
      return outcome.ok ? outcome.value : undefined;
    },
  };
  return { request, inflated, parsed };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function queryFields(text: string): Fields {
  const fields: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const known = fields[name];
    if (known === undefined) fields[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else fields[name] = [known, value];
  }
  return fields;
}

/** Node gives `set-cookie` alone as a list. */
function singleHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  if (headers['set-cookie'] === undefined) return headers as Record<string, string>;
  return { ...(headers as Record<string, string>), 'set-cookie': headers['set-cookie'].join(', ') };
}
