/** Refusals of the private port, as `application/problem+json`. Never a stack: what is a bug of ours goes to the log. */
import type { Response } from 'express';

export const adminProblems = {
  bad_parameter: { status: 400, title: 'A parameter is wrong' },
  bad_request: { status: 400, title: 'The request cannot be read' },
  unauthorized: { status: 401, title: 'A bearer token is needed' },
  foreign_host: { status: 403, title: 'Not for this host name' },
  foreign_origin: { status: 403, title: 'Not from another site' },
  not_found: { status: 404, title: 'Nothing is here' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  cannot_learn: { status: 409, title: 'This source learns no secret' },
  has_secret: { status: 409, title: 'This source has a secret' },
  failed: { status: 500, title: 'The relay failed to answer; its log says why' },
  unavailable: { status: 503, title: 'The relay cannot answer now' },
} as const;

export type AdminProblem = keyof typeof adminProblems;

/** Thrown by routes and middleware, answered in one place. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: AdminProblem;
  readonly detail: string | undefined;
  readonly extra: Readonly<Record<string, string>>;
  constructor(code: AdminProblem, detail?: string, extra: Readonly<Record<string, string>> = {}) {
    super(detail ?? adminProblems[code].title);
    this.code = code;
    this.detail = detail;
    this.extra = extra;
  }
}

export function sendProblem(res: Response, problem: Pick<ProblemError, 'code' | 'detail' | 'extra'>): void {
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
  res.status(status).type('application/problem+json').send(JSON.stringify(body));
}
