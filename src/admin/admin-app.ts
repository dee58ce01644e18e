/**
 * The private port: how the relay is, what it holds, and what an operator may change. Every answer comes within five
 * seconds (of replays within thirty; the feed goes on), is never cached, and passes the mask that cuts out known secrets.
 */
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Clock } from '../clock.ts';
import type { Mask } from '../observe/mask.ts';
import type { AdminDeps, Bounded } from './deps.ts';
import { hostGuard, originGuard, tokenGuard } from './guards.ts';
import { ProblemError, sendProblem } from './problems.ts';
import { mount, type Routes } from './router.ts';
import { armingRoutes } from './routes/arming.ts';
import { feedRoutes } from './routes/feed.ts';
import { listRoutes } from './routes/lists.ts';
import { previewRoutes } from './routes/preview.ts';
import { refusedRoutes } from './routes/refused.ts';
import { replayRoutes } from './routes/replays.ts';
import { statusRoutes } from './routes/status.ts';
import { STATUS_PAGE_POLICY } from './status-page.ts';

/** Nothing here takes longer while the relay is well. */
const ANSWER_WITHIN_MS = 5_000;

export function createAdminApp(deps: AdminDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('case sensitive routing', true);

  app.use((_req, res, next) => {
    res.set({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'content-security-policy': STATUS_PAGE_POLICY,
    });
    next();
  });
  const jsonText = (body: unknown) => maskedJson(body, deps.mask);
  const routes = routesOf(deps, jsonText);
  if (deps.token === null) app.use(hostGuard());
  mount(app, routes, { chosen: ({ access }) => access === 'anybody', jsonText });
  app.use(originGuard());
  app.use(tokenGuard(deps));
  mount(app, routes, { chosen: ({ access }) => access !== 'anybody', jsonText });
  app.use(() => {
    throw new ProblemError('not_found');
  });
  app.use(answerErrors(deps, jsonText));
  return app;
}

function routesOf(deps: AdminDeps, jsonText: (body: unknown) => string): Routes {
  const bounded: Bounded = (work, withinMs = ANSWER_WITHIN_MS) => within(work, withinMs, deps.clock);
  return {
    ...statusRoutes(deps, { bounded, jsonText }),
    ...listRoutes(deps, bounded),
    ...armingRoutes(deps, bounded),
    ...refusedRoutes(deps.refused, bounded),
    ...feedRoutes(deps),
    ...previewRoutes(deps.preview, bounded),
    ...replayRoutes(deps.replays, bounded),
  };
}

/** Only inside of texts: a secret that looks like a number or a word of ours must not break the form. */
function maskedJson(body: unknown, mask: Mask): string {
  return JSON.stringify(body, (_key, value: unknown) => (typeof value === 'string' ? mask.apply(value) : value));
}

async function within<T>(
  work: Promise<T> | ((over: AbortSignal) => Promise<T>),
  withinMs: number,
  clock: Clock,
): Promise<T> {
  const done = new AbortController();
  const over = new AbortController();
  const promise = typeof work === 'function' ? work(over.signal) : work;
  const late = clock.wait(withinMs, done.signal).then(() => {
    if (!done.signal.aborted) over.abort();
    throw new ProblemError('unavailable', 'The relay did not answer in time.');
  });
  // After the race is won the loser must not be an unhandled rejection.
  late.catch(() => undefined);
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    done.abort();
  }
}

function answerErrors(deps: AdminDeps, jsonText: (body: unknown) => string): ErrorRequestHandler {
  return (error, req, res, _next) => {
    if (error instanceof ProblemError) {
      if (error.retryAfter !== null) res.set('retry-after', String(error.retryAfter));
      return sendProblem(res, error, jsonText);
    }
    // Express itself answers 400 for a path that cannot be decoded.
    if ((error as { status?: unknown }).status === 400)
      return sendProblem(res, { code: 'bad_request', detail: undefined, extra: {} }, jsonText);
    deps.failed(`${req.method} ${req.path}`, error);
    sendProblem(res, { code: 'failed', detail: undefined, extra: {} }, jsonText);
  };
}
