/**
 * The public port: webhooks, and three questions about health that name no source. Nothing else is there.
 */
import express, { type ErrorRequestHandler, type Express } from 'express';
import { refuse } from './answers.ts';
import { createDoor, type DoorOptions } from './receive.ts';

export type PublicAppOptions = DoorOptions & {
  /** Number of proxy hops, or the proxies' networks. */
  readonly trustProxy: number | readonly string[];
  /** Body of `/health` without names, and whether it is a failure. */
  readonly health: () => Promise<{ readonly status: number; readonly body: unknown }>;
  readonly ready: () => boolean;
  readonly warn: (message: string, error: unknown) => void;
};

export function createPublicApp(options: PublicAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.set('case sensitive routing', true);
  const { trustProxy } = options;
  app.set('trust proxy', typeof trustProxy === 'number' ? trustProxy || false : [...trustProxy]);

  const door = createDoor(options);
  app.all('/hooks/:source', door);
  app.all('/hooks/:source/:key', door);

  app.get('/livez', (_req, res) => void res.type('text/plain').set('cache-control', 'no-store').send('ok\n'));
  app.get('/readyz', (_req, res) => {
    const ready = options.ready();
    res
      .status(ready ? 200 : 503)
      .type('text/plain')
      .set('cache-control', 'no-store');
    if (!ready) res.set('retry-after', '5');
    res.send(ready ? 'ok\n' : 'not ready\n');
  });
  app.get('/health', async (_req, res) => {
    const { status, body } = await options.health();
    res.status(status).set('cache-control', 'no-store').type('application/health+json').send(JSON.stringify(body));
  });
  app.use((req, res) => {
    options.addresses.count(req);
    refuse(res, 'unknown_source');
  });
  const onError: ErrorRequestHandler = (error, req, res, _next) => {
    // Express itself answers 400 for a path that cannot be decoded; everything else here is a bug of ours.
    if ((error as { status?: number }).status === 400) {
      options.addresses.count(req);
      refuse(res, 'malformed');
      return;
    }
    options.warn('a request failed in the relay itself', error);
    refuse(res, 'unavailable', { 'retry-after': 5 });
  };
  app.use(onError);
  return app;
}
