/** A mapping tried out before anybody relies on it. */
import type { AdminDeps, Bounded } from '../deps.ts';
import { adminProblems, ProblemError } from '../problems.ts';
import type { Routes } from '../router.ts';

const RETRY_AFTER_SECONDS = 1;

export function previewRoutes(preview: AdminDeps['preview'], bounded: Bounded): Pick<Routes, 'preview'> {
  return {
    preview: async ({ params, body }) => {
      const outcome = await bounded(preview({ ...body, source: params.source }));
      switch (outcome.kind) {
        case 'made':
          return { json: outcome.made };
        case 'failed': {
          const { kind: _, ...where } = outcome;
          const { status, title } = adminProblems.mapping_failed;
          const json = { type: 'urn:trackrelay:mapping_failed', title, status, ...where };
          return { json, status, type: 'application/problem+json' };
        }
        case 'busy':
          throw new ProblemError('unavailable', 'Others try mappings just now.', {}, RETRY_AFTER_SECONDS);
        case 'body_gone':
          throw new ProblemError('body_gone', 'The delivery is known, but its body was forgotten or gave way.');
        case 'unknown_source':
          throw new ProblemError('not_found', 'There is no source of that name.');
        case 'unknown_delivery':
          throw new ProblemError('not_found', 'This source has no such delivery, or it is not kept any more.');
        case 'unknown_destination':
          throw new ProblemError('bad_body', 'destination must be one of the source.', { field: 'destination' });
      }
    },
  };
}
