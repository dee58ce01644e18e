/**
 * The private port: how the relay is, and lists of what it holds. Only reads, but for emptying the sandbox and arming
 * sources (arming.ts). Every answer comes within five seconds, is never cached, and passes the mask that cuts out known secrets.
 */
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import type { BufferKeeper, Page, PageRequest } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import { HEALTH_CONTENT_TYPE, healthStatusCode, type PrivateHealthReport } from '../observe/health.ts';
import type { Mask } from '../observe/mask.ts';
import { type ArmingAccess, armRoutes } from './arming.ts';
import { hostGuard, originGuard, tokenGuard } from './guards.ts';
import { ProblemError, sendProblem } from './problems.ts';
import { deadLettersQuery, deliveriesQuery, given, noQuery, pageOf, pageQuery, parseQuery } from './queries.ts';
import { type ListedSource, sourceItems } from './source-list.ts';
import { STATUS_PAGE_POLICY, statusPage } from './status-page.ts';

export type AdminDeps = {
  readonly clock: Clock;
  /** Null: only possible on loopback, and then only loopback names are answered. */
  readonly token: string | null;
  readonly mask: Mask;
  readonly health: () => Promise<PrivateHealthReport>;
  /** Whether webhooks can be accepted. */
  readonly ready: () => boolean;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly sources: () => readonly ListedSource[];
  /** RELAY_PUBLIC_URL, or the public listener's own address; without a slash at its end. */
  readonly publicUrl: () => string;
  readonly buffer: Pick<BufferKeeper, 'deliveries' | 'deadLetters'>;
  readonly arming: ArmingAccess;
  /** Null: not in sandbox mode. */
  readonly sandbox: SandboxAccess | null;
  /** A request failed in the relay itself. */
  readonly failed: (request: string, error: unknown) => void;
};

export type SandboxAccess = {
  readonly events: (page: PageRequest) => Promise<Page<unknown>>;
  /** Profiles and groups after their updates. */
  readonly profiles: (page: PageRequest) => Promise<Page<unknown>>;
  readonly clear: () => Promise<void>;
};

type Handler = (req: Request, res: Response) => Promise<void>;
export type AdminRoute = {
  readonly path: string;
  readonly method: 'get' | 'post' | 'delete';
  readonly answer: Handler;
};

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
  if (deps.token === null) app.use(hostGuard());
  mount(app, probeRoutes(deps));
  app.use(originGuard());
  if (deps.token !== null) app.use(tokenGuard(deps.token));
  mount(app, adminRoutes(deps));
  app.use(() => {
    throw new ProblemError('not_found');
  });
  app.use(answerErrors(deps));
  return app;
}

/** Other methods of a path that exists are 405, not 404. */
function mount(app: Express, routes: readonly AdminRoute[]): void {
  const paths = Map.groupBy(routes, (route) => route.path);
  for (const [path, here] of paths) {
    const route = app.route(path);
    for (const { method, answer } of here) route[method](answer);
    const allow = here.map(({ method }) => (method === 'get' ? 'GET, HEAD' : method.toUpperCase())).join(', ');
    route.all((_req, res) => {
      res.set('allow', allow);
      throw new ProblemError('method_not_allowed');
    });
  }
}

/** What an orchestrator asks; answered without a token. */
function probeRoutes(deps: AdminDeps): readonly AdminRoute[] {
  return [
    {
      path: '/livez',
      method: 'get',
      answer: async (_req, res) => void res.type('text/plain').send('ok\n'),
    },
    {
      path: '/readyz',
      method: 'get',
      answer: async (_req, res) => {
        const ready = deps.ready();
        if (!ready) res.set('retry-after', '5');
        res
          .status(ready ? 200 : 503)
          .type('text/plain')
          .send(ready ? 'ok\n' : 'not ready\n');
      },
    },
  ];
}

export function adminRoutes(deps: AdminDeps): readonly AdminRoute[] {
  const bounded = <T>(promise: Promise<T>) => within(promise, deps.clock);
  const text = (body: unknown) => maskedJson(body, deps.mask);
  const json = (res: Response, body: unknown) => void res.type('application/json').send(text(body));
  const items = (health: PrivateHealthReport) =>
    sourceItems({ sources: deps.sources(), health: health.sources, publicUrl: deps.publicUrl() });
  const get = (path: string, answer: Handler): AdminRoute => ({ path, method: 'get', answer });
  return [
    get('/', async (_req, res) => {
      const health = await bounded(deps.health());
      const page = { health, sources: items(health), sandbox: deps.sandbox !== null };
      res.type('text/html').send(statusPage(JSON.parse(text(page))));
    }),
    get('/health', async (req, res) => {
      parseQuery(noQuery, req);
      const report = await bounded(deps.health());
      res.status(healthStatusCode(report)).type(HEALTH_CONTENT_TYPE).send(text(report));
    }),
    get('/metrics', async (_req, res) => {
      const { contentType, text } = await bounded(deps.metrics());
      res.set('content-type', contentType).send(text);
    }),
    get('/api/sources', async (req, res) => {
      parseQuery(noQuery, req);
      json(res, { items: items(await bounded(deps.health())), next: null });
    }),
    ...armRoutes(deps, bounded),
    get('/api/deliveries', async (req, res) => {
      const { limit, after, ...filter } = parseQuery(deliveriesQuery, req);
      json(res, await bounded(deps.buffer.deliveries(given(filter), pageOf({ limit, after }))));
    }),
    get('/api/dead-letters', async (req, res) => {
      const { limit, after, ...filter } = parseQuery(deadLettersQuery, req);
      json(res, await bounded(deps.buffer.deadLetters(given(filter), pageOf({ limit, after }))));
    }),
    get('/api/sandbox/events', async (req, res) => {
      const sandbox = sandboxOf(deps);
      json(res, await bounded(sandbox.events(pageOf(parseQuery(pageQuery, req)))));
    }),
    get('/api/sandbox/profiles', async (req, res) => {
      const sandbox = sandboxOf(deps);
      json(res, await bounded(sandbox.profiles(pageOf(parseQuery(pageQuery, req)))));
    }),
    {
      path: '/api/sandbox/events',
      method: 'delete',
      answer: async (req, res) => {
        const sandbox = sandboxOf(deps);
        parseQuery(noQuery, req);
        await bounded(sandbox.clear());
        res.status(204).end();
      },
    },
  ];
}

/** Only inside of texts: a secret that looks like a number or a word of ours must not break the form. */
function maskedJson(body: unknown, mask: Mask): string {
  return JSON.stringify(body, (_key, value: unknown) => (typeof value === 'string' ? mask.apply(value) : value));
}

function sandboxOf(deps: AdminDeps): SandboxAccess {
  if (deps.sandbox === null)
    throw new ProblemError('not_found', 'There is a sandbox only while MIXPANEL_TOKEN is not set.');
  return deps.sandbox;
}

/** The promise's value, or a refusal when it takes too long; what comes after that is nobody's any more. */
async function within<T>(promise: Promise<T>, clock: Clock): Promise<T> {
  const done = new AbortController();
  const late = clock.wait(ANSWER_WITHIN_MS, done.signal).then(() => {
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

function answerErrors(deps: AdminDeps): ErrorRequestHandler {
  return (error, req, res, _next) => {
    if (error instanceof ProblemError) {
      if (error.code === 'unavailable') res.set('retry-after', '5');
      return sendProblem(res, error);
    }
    // Express itself answers 400 for a path that cannot be decoded.
    if ((error as { status?: unknown }).status === 400)
      return sendProblem(res, { code: 'bad_request', detail: undefined, extra: {} });
    deps.failed(`${req.method} ${req.path}`, error);
    sendProblem(res, { code: 'failed', detail: undefined, extra: {} });
  };
}
