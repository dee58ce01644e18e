/**
 * The sandbox: a faithful Mixpanel to play and test with, as an HTTP handler. The relay runs it on a loopback port when it has
 * no token, so that the path is the real one; `trackrelay sandbox` runs it alone; tests script its faults.
 *
 *   POST /track            as Mixpanel (a slash at the end is the same)
 *   GET /__state           counts
 *   GET /__events          what arrived, de-duplicated (?raw=1: every copy; ?limit=n: the last n)
 *   DELETE /__events       forget it
 *   POST /__control        order faults, one object or a list (see faults.ts); {"sizeProfile": …} sets the size limit
 *   DELETE /__control      take all faults back
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../clock.ts';
import { control } from './control.ts';
import { Faults } from './faults.ts';
import { Ledger, type RawCopy } from './ledger.ts';
import { type SizeProfile, type TrackNote, track } from './track.ts';

export type SandboxOptions = {
  readonly clock: Clock;
  /** `keys` keeps only keys and counts: for load and soak tests. */
  readonly keep?: 'all' | 'keys';
  readonly copiesMax?: number;
  readonly bytesMax?: number;
  /** Tokens that are known; default: any. Events of an unknown one are accepted and discarded, as at Mixpanel. */
  readonly tokens?: readonly string[];
  readonly silentOldEvents?: boolean;
  readonly placeholderIds?: 'accept' | 'drop';
};

export type SandboxState = {
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly records: { readonly stored: number; readonly dropped: number; readonly invalid: number };
  /** Copies that came, copies still kept, distinct events among those, copies dropped for lack of room. */
  readonly events: { readonly raw: number; readonly kept: number; readonly distinct: number; readonly dropped: number };
  readonly faultsWaiting: number;
  readonly sizeProfile: SizeProfile;
  readonly lastRequest: TrackNote | null;
};

export type Sandbox = AsyncDisposable & {
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly faults: Faults;
  state(): SandboxState;
  /** Raw copies, oldest first. */
  copies(): readonly RawCopy[];
  /** After Mixpanel's de-duplication. */
  deduped(): readonly RawCopy[];
  setSizeProfile(profile: SizeProfile): void;
  clear(): void;
  /** Port 0: any free one. Rejects when the port is taken. */
  listen(host: string, port: number): Promise<{ readonly url: string; readonly port: number }>;
  close(): Promise<void>;
};

const COPIES_MAX = 100_000;
/** Keys are small: enough for a night of soak testing. */
const KEYS_MAX = 5_000_000;
const BYTES_MAX = 64 * 1024 * 1024;

export function createSandbox(options: SandboxOptions): Sandbox {
  const keep = options.keep ?? 'all';
  const copiesMax = options.copiesMax ?? (keep === 'keys' ? KEYS_MAX : COPIES_MAX);
  const ledger = new Ledger({ keep, copiesMax, bytesMax: options.bytesMax ?? BYTES_MAX });
  const faults = new Faults();
  const statuses: Record<string, number> = {};
  const records = { stored: 0, dropped: 0, invalid: 0 };
  let requests = 0;
  let sizeProfile: SizeProfile = 'normal';
  let lastRequest: TrackNote | null = null;

  const trackOptions = {
    clock: options.clock,
    ledger,
    faults,
    switches: {
      tokens: options.tokens ? new Set(options.tokens) : null,
      silentOldEvents: options.silentOldEvents ?? false,
      placeholderIds: options.placeholderIds ?? 'accept',
    },
    sizeProfile: () => sizeProfile,
    noted(note: TrackNote) {
      lastRequest = note;
      records.stored += note.stored;
      records.dropped += note.dropped;
      records.invalid += note.invalid;
    },
  } as const;

  const sandbox: Omit<Sandbox, 'handler' | 'listen' | 'close' | typeof Symbol.asyncDispose> = {
    faults,
    state: () => ({
      requests,
      statuses: { ...statuses },
      records: { ...records },
      events: ledger.counts,
      faultsWaiting: faults.waiting,
      sizeProfile,
      lastRequest,
    }),
    copies: () => ledger.copies(),
    deduped: () => ledger.deduped(),
    setSizeProfile(profile) {
      sizeProfile = profile;
    },
    clear() {
      ledger.clear();
      Object.assign(records, { stored: 0, dropped: 0, invalid: 0 });
      for (const status of Object.keys(statuses)) delete statuses[status];
      requests = 0;
      lastRequest = null;
    },
  };

  function count(response: ServerResponse): void {
    requests++;
    response.once('close', () => {
      const status = response.writableFinished ? String(response.statusCode) : 'none';
      statuses[status] = (statuses[status] ?? 0) + 1;
    });
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sandbox.invalid');
    if (pathname.startsWith('/__')) return await control(request, response, pathname, searchParams, sandbox);
    count(response);
    if (pathname === '/track' || pathname === '/track/')
      return await track(request, response, searchParams, trackOptions);
    request.resume();
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found","status":"error"}');
  }

  const handler = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch(() => {
      // The client went away in the middle, or a request so odd that reading it threw: nothing to say to it.
      if (!response.headersSent && !response.destroyed) response.writeHead(400).end();
      else response.destroy();
    });
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, handler);
  const close = async () => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };

  return {
    ...sandbox,
    handler,
    async listen(host, port) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      const { port: bound } = server.address() as AddressInfo;
      return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`, port: bound };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
