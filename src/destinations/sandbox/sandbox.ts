/**
 * The sandbox: a faithful Mixpanel to play and test with, as an HTTP handler. The relay runs it on a loopback port when it has
 * no token, so that the path is the real one; `trackrelay sandbox` runs it alone; tests script its faults.
 *
 *   POST /track            as Mixpanel (a slash at the end is the same); /import, /engage and /groups too
 *   GET /__state           counts
 *   GET /__events          what arrived, de-duplicated (?raw=1: every copy; ?limit=n: the last n)
 *   GET /__updates         updates of profiles and groups as they came, oldest first
 *   GET /__profiles        profiles and groups after them, those changed last first
 *   DELETE /__events       forget it all
 *   POST /__control        order faults, one object or a list (see faults.ts); {"sizeProfile": …} sets the size limit
 *   DELETE /__control      take all faults back
 *
 * Bloomreach's endpoints are there too, with pages of their own: see bloomreach.ts.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../clock.ts';
import { type BloomreachSandbox, createBloomreachSandbox } from './bloomreach.ts';
import { control } from './control.ts';
import { engage } from './engage.ts';
import { Faults } from './faults.ts';
import { type ImportOptions, importEvents, type ServiceAccount } from './import.ts';
import { Ledger, type RawCopy } from './ledger.ts';
import { type Profile, Profiles, type RawUpdate } from './profiles.ts';
import type { SizeProfile } from './replies.ts';
import { type TrackNote, track } from './track.ts';

export type SandboxOptions = {
  readonly clock: Clock;
  /** `keys` keeps only keys and counts: for load and soak tests. */
  readonly keep?: 'all' | 'keys';
  readonly copiesMax?: number;
  readonly bytesMax?: number;
  /** Tokens that are known; default: any. Events of an unknown one are accepted and discarded, as at Mixpanel. */
  readonly tokens?: readonly string[];
  /** Service accounts that exist, for /import; default: any. */
  readonly serviceAccounts?: readonly ServiceAccount[];
  readonly silentOldEvents?: boolean;
  readonly placeholderIds?: 'accept' | 'drop';
};

export type SandboxState = {
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly records: { readonly stored: number; readonly dropped: number; readonly invalid: number };
  /** Copies that came, copies still kept, distinct events among those, copies dropped for lack of room. */
  readonly events: { readonly raw: number; readonly kept: number; readonly distinct: number; readonly dropped: number };
  /** Updates that were applied, discarded (unknown token) or wrong; profiles and groups there are. */
  readonly updates: {
    readonly applied: number;
    readonly dropped: number;
    readonly invalid: number;
    readonly profiles: number;
  };
  readonly faultsWaiting: number;
  readonly sizeProfile: SizeProfile;
  readonly lastRequest: TrackNote | null;
};

export type Sandbox = AsyncDisposable & {
  /** For a server of one's own; does not use `this`. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly faults: Faults;
  state(): SandboxState;
  /** Raw copies, oldest first. */
  copies(): readonly RawCopy[];
  /** After Mixpanel's de-duplication. */
  deduped(): readonly RawCopy[];
  /** Updates as they came, oldest first. */
  updates(): readonly RawUpdate[];
  /** After their operators, those changed last first. */
  profiles(): readonly Profile[];
  setSizeProfile(profile: SizeProfile): void;
  clear(): void;
  /** Port 0: any free one. Rejects when the port is taken. */
  listen(host: string, port: number): Promise<{ readonly url: string; readonly port: number }>;
  close(): Promise<void>;
};

const NO_RECORDS: SandboxState['records'] = { stored: 0, dropped: 0, invalid: 0 };

const NOBODY: ReadonlySet<string> = new Set();
const COPIES_MAX = 100_000;
/** Keys are small: enough for a night of soak testing. */
const KEYS_MAX = 5_000_000;
const BYTES_MAX = 64 * 1024 * 1024;

export function createSandbox(options: SandboxOptions): Sandbox {
  return new MixpanelSandbox(options);
}

class MixpanelSandbox implements Sandbox {
  readonly faults = new Faults();
  readonly #ledger: Ledger;
  readonly #profiles = new Profiles();
  readonly #bloomreach: BloomreachSandbox;
  readonly #track: ImportOptions;
  readonly #server: Server;
  readonly #statuses = new Map<string, number>();
  #requests = 0;
  #records = NO_RECORDS;
  #sizeProfile: SizeProfile = 'normal';
  #lastRequest: TrackNote | null = null;

  constructor(options: SandboxOptions) {
    this.#bloomreach = createBloomreachSandbox({ clock: options.clock });
    const keep = options.keep ?? 'all';
    const copiesMax = options.copiesMax ?? (keep === 'keys' ? KEYS_MAX : COPIES_MAX);
    this.#ledger = new Ledger({ keep, copiesMax, bytesMax: options.bytesMax ?? BYTES_MAX });
    const { faults } = this;
    const tokens = options.tokens ? new Set(options.tokens) : null;
    this.#track = {
      clock: options.clock,
      ledger: this.#ledger,
      faults,
      serviceAccounts: options.serviceAccounts ?? null,
      switches: {
        get tokens() {
          return faults.tokenRevoked ? NOBODY : tokens;
        },
        silentOldEvents: options.silentOldEvents ?? false,
        placeholderIds: options.placeholderIds ?? 'accept',
      },
      sizeProfile: () => this.#sizeProfile,
      noted: (note) => this.#note(note),
    };
    this.#server = createServer({ keepAliveTimeout: 60_000 }, this.handler);
  }

  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    this.#answer(request, response).catch(() => {
      // The client went away in the middle, or a request so odd that reading it threw: nothing to say to it.
      if (!response.headersSent && !response.destroyed) response.writeHead(400).end();
      else response.destroy();
    });
  };

  state(): SandboxState {
    return {
      requests: this.#requests,
      statuses: Object.fromEntries(this.#statuses),
      records: this.#records,
      events: this.#ledger.counts,
      updates: this.#profiles.counts,
      faultsWaiting: this.faults.waiting,
      sizeProfile: this.#sizeProfile,
      lastRequest: this.#lastRequest,
    };
  }

  copies(): readonly RawCopy[] {
    return this.#ledger.copies();
  }

  deduped(): readonly RawCopy[] {
    return this.#ledger.deduped();
  }

  updates(): readonly RawUpdate[] {
    return this.#profiles.updates();
  }

  profiles(): readonly Profile[] {
    return this.#profiles.all();
  }

  setSizeProfile(profile: SizeProfile): void {
    this.#sizeProfile = profile;
  }

  clear(): void {
    this.#ledger.clear();
    this.#profiles.clear();
    this.#statuses.clear();
    this.#records = NO_RECORDS;
    this.#requests = 0;
    this.#lastRequest = null;
  }

  async listen(host: string, port: number): Promise<{ readonly url: string; readonly port: number }> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const { port: bound } = this.#server.address() as AddressInfo;
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`, port: bound };
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sandbox.invalid');
    if (this.#bloomreach.owns(pathname)) return this.#bloomreach.handler(request, response);
    if (pathname.startsWith('/__')) return await control(request, response, pathname, searchParams, this);
    this.#count(response);
    const endpoint = pathname.replace(/\/$/, '');
    if (endpoint === '/track') return await track(request, response, searchParams, this.#track);
    if (endpoint === '/import') return await importEvents(request, response, searchParams, this.#track);
    if (endpoint === '/engage' || endpoint === '/groups') {
      const options = { ...this.#track, profiles: this.#profiles, tokens: this.#track.switches.tokens };
      return await engage(endpoint === '/engage' ? 'engage' : 'groups', request, response, searchParams, options);
    }
    request.resume();
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found","status":"error"}');
  }

  #count(response: ServerResponse): void {
    this.#requests++;
    response.once('close', () => {
      const status = response.writableFinished ? String(response.statusCode) : 'none';
      this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    });
  }

  #note(note: TrackNote): void {
    const { stored, dropped, invalid } = this.#records;
    this.#lastRequest = note;
    this.#records = {
      stored: stored + note.stored,
      dropped: dropped + note.dropped,
      invalid: invalid + note.invalid,
    };
  }
}
