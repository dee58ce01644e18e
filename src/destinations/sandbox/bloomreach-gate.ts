/** Who may send to the sandbox's Bloomreach, and how often: project, credentials and rate, in the vendor's order and words. */
import type { IncomingHttpHeaders } from 'node:http';

/** What a project knows; what is absent is anybody's. */
export type SandboxProject = {
  /** API secrets by key id. */
  readonly keys?: Readonly<Record<string, string>>;
  readonly publicTokens?: readonly string[];
};

export type BloomreachReply = { readonly status: number; readonly type: string; readonly body: string };

/** Addresses remembered at a time; beyond, the one that was quiet longest is forgotten. */
const ADDRESSES_MAX = 10_000;
const WINDOW_MS = 1000;

export function json(status: number, body: unknown): BloomreachReply {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}

/** Null: welcome. */
export function refuseAccess(
  project: SandboxProject | undefined,
  headers: IncomingHttpHeaders,
  query: URLSearchParams,
): BloomreachReply | null {
  if (project === undefined) return json(400, { success: false, error: 'Invalid project id' });
  const [scheme = '', credentials = ''] = (headers.authorization ?? '').split(' ');
  const publicToken = scheme.toLowerCase() === 'token' ? credentials : query.get('access_token');
  if (publicToken) {
    if (project.publicTokens && !project.publicTokens.includes(publicToken)) return UNKNOWN_KEY;
    return null;
  }
  if (scheme.toLowerCase() !== 'basic') return json(401, { success: false, error: 'Access key not provided' });
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  const [, keyId = '', secret = ''] = /^([^:]*):([\s\S]*)$/.exec(pair) ?? [];
  if (!project.keys) return null;
  if (!Object.hasOwn(project.keys, keyId)) return UNKNOWN_KEY;
  return project.keys[keyId] === secret ? null : json(403, { success: false, error: 'invalid secret' });
}

const UNKNOWN_KEY = json(401, { error: 'access key not found', success: false });

/** So many requests of one address in any second; what is refused does not count. */
export class AddressLimit {
  readonly #requestsPerSecond: number;
  readonly #times = new Map<string, number[]>();

  constructor(requestsPerSecond: number) {
    this.#requestsPerSecond = requestsPerSecond;
  }

  takes(address: string, now: number): boolean {
    const times = this.#times.get(address) ?? [];
    while (times.length > 0 && (times[0] as number) <= now - WINDOW_MS) times.shift();
    const taken = times.length < this.#requestsPerSecond;
    if (taken) times.push(now);
    // Set anew, so that the first in the map is the one that was quiet longest.
    this.#times.delete(address);
    this.#times.set(address, times);
    if (this.#times.size > ADDRESSES_MAX) {
      const oldest = this.#times.keys().next();
      if (!oldest.done) this.#times.delete(oldest.value);
    }
    return taken;
  }
}
