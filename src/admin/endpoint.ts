/**
 * What one endpoint of the private port is. From the table of them (`endpoints.ts`) come the routes, the checks of every
 * request, the refusal of other methods, `/api/openapi.json` and README's table.
 */
import type { z } from 'zod';
import type { AdminProblem } from './problems.ts';

/** JSON of this schema, or a text of this content type; neither: no body. */
export type Answer = { readonly means: string; readonly schema?: z.ZodType; readonly type?: string };

export type Endpoint = {
  readonly method: 'get' | 'post' | 'delete';
  /** `{name}` as OpenAPI writes it. */
  readonly path: string;
  readonly summary: string;
  /** Who may ask: anybody at all; who has either token; who has the full one, because it changes something. */
  readonly access: 'anybody' | 'reader' | 'operator';
  readonly params?: z.ZodObject;
  /** Absent: a parameter is a mistake. `any`: whatever stands there is not looked at. */
  readonly query?: z.ZodObject | 'any';
  readonly body?: z.ZodType;
  readonly bodyBytesMax?: number;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Refusals that only this endpoint knows. */
  readonly problems?: readonly AdminProblem[];
};

/** Who asks. */
export type Caller = {
  readonly access: 'full' | 'read';
  /** For records: which token, from where. */
  readonly by: string;
};

type Parsed<T> = T extends z.ZodType ? z.output<T> : Record<never, never>;

/** A request that was checked against its endpoint. */
export type Asked<E extends Endpoint> = {
  readonly params: Parsed<E['params']>;
  readonly query: Parsed<E['query']>;
  readonly body: Parsed<E['body']>;
  readonly caller: Caller;
};
