/** The two ports of a relay: the public one for webhooks and probes, the private one for the operator. */
import { createAdminApp } from '../admin/admin-app.ts';
import { UsageError } from '../errors.ts';
import { addressLimiter } from '../intake/limits.ts';
import { createPublicApp } from '../intake/public-app.ts';
import { type Listening, listen } from '../intake/server.ts';
import { healthStatusCode, privateHealth, publicHealth } from '../observe/health.ts';
import { adminAttempts } from './admin-attempts.ts';
import { armingOf } from './arming.ts';
import type { Core } from './core.ts';
import { openPreviews } from './previews.ts';
import { refusedOf } from './refused.ts';
import { replayAccess } from './replay-access.ts';
import { sandboxPages } from './sandbox-pages.ts';

export async function openPublicPort(core: Core): Promise<Listening> {
  const { settings, clock, sources, log } = core;
  const app = createPublicApp({
    buffer: core.buffer,
    clock,
    bodyBytesMax: settings.bodyBytesMax,
    find: sources.door.find,
    addresses: addressLimiter({ rate: settings.refusedPerAddress, clock, shared: core.limits.counting }),
    remote: core.remote,
    learn: core.learned.learn,
    deliveryId: (source, view) => sources.runner.doorId(source, view),
    open: () => core.phase === 'serving',
    told: (receipt) => {
      core.pressure.webhook();
      core.tellers.received(receipt);
    },
    refused: core.refused.add,
    trustProxy: settings.trustProxy,
    health: async () => {
      const report = publicHealth(await core.snapshot());
      return { status: healthStatusCode(report), body: report };
    },
    ready: core.ready,
    warn: (message, error) => log.error('request.failed', { message, error: String(error) }),
  });
  return listening(app, settings.public, 'RELAY_HOST', 'RELAY_PORT');
}

/** Time for listeners of the feed to read its end. */
const FEED_GRACE_MS = 200;

export async function openAdminPort(core: Core, publicUrl: () => string): Promise<Listening> {
  await using cleanup = new AsyncDisposableStack();
  const previews = cleanup.use(openPreviews(core));
  const { settings, sources, metrics, log } = core;
  const app = createAdminApp({
    clock: core.clock,
    token: settings.admin.token,
    readToken: settings.admin.readToken,
    attempts: adminAttempts(core.clock),
    mask: core.mask,
    health: async () => privateHealth(await core.wholeSnapshot(0)),
    ready: core.ready,
    metrics: async () => {
      const { now, tally, unmapped: found = [], limitsApart } = await core.wholeSnapshot();
      // Names in it came from outside, and this answer does not pass the mask.
      const unmapped = found.map((one) => ({ ...one, type: one.type && core.mask.apply(one.type) }));
      const circuits = core.forwarders.map(({ destination, forwarder }) => {
        const { circuit, rateLimit, sender } = forwarder.status();
        const sends = sender === undefined ? null : sender === core.buffer.relay;
        return { destination: destination.name, circuit, rateLimit, sends };
      });
      const apart = limitsApart === undefined ? null : limitsApart !== null;
      const text = await metrics.text({ now, tally, unmapped, circuits, limitsApart: apart });
      return { contentType: metrics.contentType, text };
    },
    sources: () =>
      core.statuses().map((status) => ({ status, source: sources.library.get(status.name)?.source ?? null })),
    publicUrl: () => settings.publicUrl ?? publicUrl(),
    buffer: core.buffer,
    arming: armingOf(core),
    refused: refusedOf(core),
    feed: core.feed,
    preview: previews.ask,
    replays: replayAccess(core),
    sandbox: core.destinations.sandbox && sandboxPages(core.destinations.sandbox.double),
    failed: (request, error) => log.error('request.failed', { request, error: String(error) }),
  });
  const port = await listening(app, settings.admin, 'RELAY_ADMIN_HOST', 'RELAY_ADMIN_PORT');
  const close = (graceMs: number) => {
    // Who listens to the feed would otherwise be cut off in the middle of a line.
    core.feed.close();
    return port.close(graceMs);
  };
  const held = cleanup.move();
  const end = async () => {
    await close(FEED_GRACE_MS);
    await held.disposeAsync();
  };
  return { ...port, close, [Symbol.asyncDispose]: end };
}

type At = { readonly host: string; readonly port: number };

async function listening(
  app: Parameters<typeof listen>[0],
  at: At,
  hostName: string,
  portName: string,
): Promise<Listening> {
  try {
    return await listen(app, at);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const words: Record<string, string> = {
      EADDRINUSE: `the port is taken: is another relay running? Set ${portName} to a free one`,
      EACCES: `this user may not listen there: set ${portName} to 1024 or more`,
      EADDRNOTAVAIL: `this machine has no such address: set ${hostName}`,
    };
    throw new UsageError([`Cannot listen on ${at.host}:${at.port}: ${words[code ?? ''] ?? message}.`], 1);
  }
}

/** How to reach a listener from this machine. */
export function urlOf({ host, port }: Listening): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
