/** Lists of what the buffer and the sandbox hold, page by page. */
import { given, pageOf } from '../checks.ts';
import type { AdminDeps, Bounded, SandboxAccess } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from '../router.ts';

type Ids = 'deliveries' | 'deadLetters' | 'sandboxEvents' | 'sandboxProfiles' | 'clearSandbox';

export function listRoutes(deps: Pick<AdminDeps, 'buffer' | 'sandbox'>, bounded: Bounded): Pick<Routes, Ids> {
  const { buffer } = deps;
  return {
    deliveries: async ({ query: { limit, after, ...filter } }) => ({
      json: await bounded(buffer.deliveries(given(filter), pageOf({ limit, after }))),
    }),
    deadLetters: async ({ query: { limit, after, ...filter } }) => ({
      json: await bounded(buffer.deadLetters(given(filter), pageOf({ limit, after }))),
    }),
    sandboxEvents: async ({ query }) => ({ json: await bounded(sandboxOf(deps).events(pageOf(query))) }),
    sandboxProfiles: async ({ query }) => ({ json: await bounded(sandboxOf(deps).profiles(pageOf(query))) }),
    clearSandbox: async () => {
      await bounded(sandboxOf(deps).clear());
      return { nothing: true };
    },
  };
}

function sandboxOf({ sandbox }: Pick<AdminDeps, 'sandbox'>): SandboxAccess {
  if (sandbox === null) throw new ProblemError('not_found', 'There is a sandbox only while MIXPANEL_TOKEN is not set.');
  return sandbox;
}
