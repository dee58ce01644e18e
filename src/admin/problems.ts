/** Refusals of the private port, as `application/problem+json`. Never a stack: what is a bug of ours goes to the log. */
import type { Response } from 'express';

export const adminProblems = {
  bad_parameter: { status: 400, title: 'A parameter is wrong' },
  bad_body: { status: 400, title: 'The body is wrong' },
  bad_request: { status: 400, title: 'The request cannot be read' },
  unauthorized: { status: 401, title: 'A bearer token is needed' },
  foreign_host: { status: 403, title: 'Not for this host name' },
  foreign_origin: { status: 403, title: 'Not from another site' },
  read_only: { status: 403, title: 'This token may only read' },
  not_found: { status: 404, title: 'Nothing is here' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  cannot_learn: { status: 409, title: 'This source learns no secret' },
  body_gone: { status: 409, title: 'Its body is not kept' },
  body_cut: { status: 409, title: 'Its body is not here, or not whole' },
  replay_ended: { status: 409, title: 'This replay has ended' },
  too_many_replays: { status: 409, title: 'Too many replays are under way' },
  has_secret: { status: 409, title: 'This source has a secret' },
  too_large: { status: 413, title: 'The body is too large' },
  not_json: { status: 415, title: 'The body must be application/json' },
  too_many_attempts: { status: 429, title: 'Too many wrong tokens' },
  mapping_failed: { status: 422, title: 'The mapping fails' },
  failed: { status: 500, title: 'The relay failed to answer; its log says why' },
  unavailable: { status: 503, title: 'The relay cannot answer now' },
} as const;

export type AdminProblem = keyof typeof adminProblems;

/** Further members of a problem. */
export type Extra = Readonly<Record<string, string | number>>;

/** Thrown by routes and middleware, answered in one place. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: AdminProblem;
  readonly detail: string | undefined;
  readonly extra: Extra;
  /** Seconds; null: coming again would not help. */
  readonly retryAfter: number | null;
  constructor(code: AdminProblem, detail?: string, extra: Extra = {}, retryAfter: number | null = null) {
    super(detail ?? adminProblems[code].title);
    this.code = code;
    this.detail = detail;
    this.extra = extra;
    this.retryAfter = retryAfter ?? (code === 'unavailable' ? RETRY_AFTER_SECONDS : null);
  }
}

const RETRY_AFTER_SECONDS = 5;

export function sendProblem(
  res: Response,
  problem: Pick<ProblemError, 'code' | 'detail' | 'extra'>,
  textOf: (body: unknown) => string,
): void {
  if (res.headersSent) return;
  const { status, title } = adminProblems[problem.code];
  const detail = problem.detail === undefined ? {} : { detail: problem.detail };
  const body = {
    type: `urn:trackrelay:${problem.code}`,
    title,
    status,
    code: problem.code,
    ...detail,
    ...problem.extra,
  };
  res.status(status).type('application/problem+json').send(textOf(body));
}
