/** The last refused requests: why each was, and whether it would be again. */
import { given, pageOf } from '../checks.ts';
import type { Bounded, RefusedAccess } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from '../router.ts';

const gone = () => new ProblemError('not_found', 'It is not among the last 200 that are kept.');

export function refusedRoutes(
  access: RefusedAccess,
  bounded: Bounded,
): Pick<Routes, 'refused' | 'refusedOne' | 'verifyRefused'> {
  return {
    refused: ({ query: { limit, after, ...filter } }) => ({
      json: access.list(given(filter), pageOf({ limit, after })),
    }),
    refusedOne: ({ params }) => {
      const one = access.one(params.id);
      if (one === null) throw gone();
      return { json: one };
    },
    verifyRefused: async ({ params }) => {
      const verdict = await bounded(access.verify(params.id));
      if (verdict === null) throw gone();
      if (verdict === 'cut')
        throw new ProblemError(
          'body_cut',
          'Its body was refused unread, or only 16 KB of it are left; a signature is over the whole.',
        );
      return { json: verdict };
    },
  };
}
