/** What the buffer and the sandbox hold: lists page by page, and one thing with everything that is kept of it. */
import type { TimeRange } from '../../buffer/reading.ts';
import { given, pageOf } from '../checks.ts';
import type { AdminDeps, Bounded, SandboxAccess } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from '../router.ts';
import { timeOf } from '../schemas/words.ts';
import { deadLetterAnswer, deliveryAnswer } from '../whole.ts';

type Ids =
  | 'deliveries'
  | 'delivery'
  | 'deadLetters'
  | 'deadLetter'
  | 'sandboxEvents'
  | 'sandboxProfiles'
  | 'clearSandbox';

export function listRoutes(deps: Pick<AdminDeps, 'buffer' | 'sandbox' | 'mask'>, bounded: Bounded): Pick<Routes, Ids> {
  const { buffer, mask } = deps;
  return {
    deliveries: async ({ query: { limit, after, since, until, ...filter } }) => ({
      json: await bounded(
        buffer.deliveries({ ...given(filter), ...received({ since, until }) }, pageOf({ limit, after })),
      ),
    }),
    delivery: async ({ params }) => {
      const whole = await bounded(buffer.delivery(params.id));
      if (whole === null) throw new ProblemError('not_found', 'There is no such delivery, or it is not kept any more.');
      return { json: deliveryAnswer(whole, mask) };
    },
    deadLetters: async ({ query: { limit, after, since, until, state, ...filter } }) => {
      const kind = state === undefined ? filter.kind : ({ failed: 'mapping', dead: 'event' } as const)[state];
      // Nothing is both.
      if (filter.kind !== undefined && kind !== filter.kind) return { json: { items: [], next: null } };
      const asked = { ...given({ ...filter, kind }), ...received({ since, until }) };
      return { json: await bounded(buffer.deadLetters(asked, pageOf({ limit, after }))) };
    },
    deadLetter: async ({ params }) => {
      const letter = await bounded(buffer.deadLetter(params.id));
      if (letter === null) throw new ProblemError('not_found', 'There is no such dead letter, or it was mended.');
      return { json: deadLetterAnswer(letter) };
    },
    sandboxEvents: async ({ query }) => ({ json: await bounded(sandboxOf(deps).events(pageOf(query))) }),
    sandboxProfiles: async ({ query }) => ({ json: await bounded(sandboxOf(deps).profiles(pageOf(query))) }),
    clearSandbox: async () => {
      await bounded(sandboxOf(deps).clear());
      return { nothing: true };
    },
  };
}

/** As the buffer counts time. */
export function received(asked: {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}): TimeRange {
  const { since, until } = asked;
  return given({
    since: since === undefined ? undefined : (timeOf(since) ?? undefined),
    until: until === undefined ? undefined : (timeOf(until) ?? undefined),
  });
}

function sandboxOf({ sandbox }: Pick<AdminDeps, 'sandbox'>): SandboxAccess {
  if (sandbox === null) throw new ProblemError('not_found', 'There is a sandbox only while MIXPANEL_TOKEN is not set.');
  return sandbox;
}
