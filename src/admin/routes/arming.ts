/**
 * Arming: for ten minutes a source takes the secret that its provider hands over in a handshake.
 *
 *   idle ──POST arm──▶ armed (until …) ──a handshake──▶ learned ──DELETE secret──▶ idle
 *
 * A learned secret is never shown, with one exception: where the operator has to paste it back into the provider's page
 * it stands once in the answer of GET, to whoever may also change things here, within the ten minutes and only when
 * this run of the relay was asked to arm. What that takes is in memory alone.
 */
import type { Request } from 'express';
import { BufferFullError, type BufferKeeper } from '../../buffer/contract.ts';
import type { Clock } from '../../clock.ts';
import type { Bounded } from '../deps.ts';
import type { Caller } from '../endpoint.ts';
import { isForeign } from '../guards.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from '../router.ts';
import type { ListedSource } from '../source-list.ts';

export type ArmingAccess = Pick<BufferKeeper, 'arm' | 'armed' | 'learnedSecrets' | 'forgetSecret'> & {
  /** Its provider hands a secret over in a handshake. */
  readonly canLearn: (source: string) => boolean;
  /** The operator has to paste the secret into a page of the provider's. */
  readonly pastesBack: (source: string) => boolean;
};

export type ArmingDeps = {
  readonly clock: Clock;
  readonly sources: () => readonly ListedSource[];
  readonly arming: ArmingAccess;
};

/** Long enough to create a webhook at the provider by hand. */
const ARMED_MS = 10 * 60_000;

/** An arming of this run; `shown`: what was learned with it has been given out. */
type OwnArming = { readonly until: number; shown: boolean };
type State = {
  readonly source: string;
  readonly state: 'idle' | 'armed' | 'learned';
  readonly armed_until?: string;
  readonly learned_at?: string;
  /** Why a secret that is to be pasted back is not in this answer. */
  readonly token_hidden?: string;
};

export function armingRoutes(deps: ArmingDeps, bounded: Bounded): Pick<Routes, 'arm' | 'arming' | 'forgetSecret'> {
  const { arming, clock } = deps;
  /** By source; at most the sources there are. */
  const own = new Map<string, OwnArming>();
  return {
    arm: async ({ params }) => {
      const source = learnableSource(deps, params.source);
      const until = clock.now() + ARMED_MS;
      if ((await bounded(whileThereIsRoom(arming.arm(source, until)))) === 'has_secret')
        throw new ProblemError('has_secret', 'It has learned one already; drop that first (trackrelay arm --forget).');
      for (const [name, one] of own) if (one.until <= clock.now()) own.delete(name);
      own.set(source, { until, shown: false });
      return { json: { source, armed_until: iso(until) } };
    },
    arming: async ({ params, caller }, { req }) => {
      const source = knownSource(deps, params.source).status.name;
      const now = clock.now();
      const [armed, learned] = await bounded(Promise.all([arming.armed(now), arming.learnedSecrets()]));
      const secret = learned.get(source);
      const until = armed.get(source);
      if (!secret) {
        const state: State =
          until === undefined ? { source, state: 'idle' } : { source, state: 'armed', armed_until: iso(until) };
        return { json: state };
      }
      const state: State = { source, state: 'learned', learned_at: iso(secret.learnedAt) };
      if (!arming.pastesBack(source)) return { json: state };
      const hidden = whyHidden({ req, caller }, own.get(source), now);
      if (hidden !== null) return { json: { ...state, token_hidden: hidden } satisfies State };
      (own.get(source) as OwnArming).shown = true;
      // Past the mask, which knows it: this is the one place where it may be read.
      return { json: { ...state, token: secret.secret }, unmasked: true };
    },
    forgetSecret: async ({ params: { source } }) => {
      // Also of a source whose folder is gone: what it learned is still in the store.
      const forgotten = await bounded(whileThereIsRoom(arming.forgetSecret(source)));
      own.delete(source);
      if (!forgotten) knownSource(deps, source);
      return { json: { source, forgotten } };
    },
  };
}

/** Null: it may be shown. */
function whyHidden(
  { req, caller }: { readonly req: Request; readonly caller: Caller },
  own: OwnArming | undefined,
  now: number,
): string | null {
  // Also before `shown`: who may only read learns nothing and uses nothing up.
  if (caller.access !== 'full') return 'it is shown only to who has RELAY_ADMIN_TOKEN';
  if (own === undefined) return 'it was not armed by this run of the relay';
  if (own.shown) return 'it was shown already';
  if (own.until <= now) return 'the ten minutes are over';
  // A look without reading (HEAD, a page of another site) must not use up the one time.
  return req.method === 'GET' && !isForeign(req) ? null : 'it is shown only to a GET of the operator';
}

function knownSource(deps: ArmingDeps, name: string): ListedSource {
  const found = deps.sources().find(({ status }) => status.name === name);
  if (found === undefined) throw new ProblemError('not_found', 'There is no source of that name.');
  return found;
}

function learnableSource(deps: ArmingDeps, asked: string): string {
  const { status, source } = knownSource(deps, asked);
  const { name } = status;
  if (!deps.arming.canLearn(name)) {
    const why = source === null ? 'its source.yaml was refused' : `${source.provider} hands over none in a handshake`;
    throw new ProblemError('cannot_learn', `${name} learns no secret: ${why}.`);
  }
  if ((source?.secrets.length ?? 0) > 0)
    throw new ProblemError('has_secret', 'Its source.yaml gives one, which comes first.');
  if (status.missing.length > 0)
    throw new ProblemError('cannot_learn', `${name} is closed: set ${status.missing.join(', ')} first.`);
  return name;
}

async function whileThereIsRoom<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof BufferFullError) throw new ProblemError('unavailable', 'The disk has no room.');
    throw error;
  }
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
