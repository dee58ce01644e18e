/**
 * Texts that verification needs and a provider publishes: certificates (SNS, PayPal) and key sets (Google), and the calls
 * that confirm a subscription. The only place here that opens a URL. Which URLs there are is not decided here: the
 * verifier lets only those pass that the provider's own list names (`Provider.reaches`).
 *
 * Bounded in every way: no redirects, small answers, short waits, few at once; a failure is remembered for a while, so
 * that a flood of forged requests opens nothing more than once.
 */
import { request } from 'undici';
import type { Clock } from '../clock.ts';

export type RemoteTexts = {
  /** What was fetched of this URL within `maxAgeMs`; null: not here, `fetch` it. */
  get(url: string, maxAgeMs: number): string | null;
  /** Fetches it into the cache. Resolves with null, or with why not; never rejects. */
  fetch(url: string): Promise<string | null>;
  /** Opens a URL that confirms something: nothing is kept. Resolves with null, or with why not; never rejects. */
  call(url: string): Promise<string | null>;
};

/** One request: the text of a 2xx answer; rejects otherwise. */
export type Load = (url: string, signal: AbortSignal) => Promise<string>;

export type RemoteTextsOptions = {
  readonly clock: Clock;
  /** For tests; else over the network. */
  readonly load?: Load;
};

/** A certificate has 2 KB, Google's key set 1.5 KB. */
const textBytesMax = 64 * 1024;
/** Within the 15 s that SNS waits for an answer, the shortest of those that need this. */
const timeoutMs = 5_000;
const entriesMax = 64;
const atOnceMax = 4;
/** A failed URL is not tried again so soon. */
const failureMs = 15_000;

type Entry = {
  readonly text: string | null;
  readonly fetchedAt: number;
  /** A failure does not take away what was fetched before. */
  readonly failure: { readonly reason: string; readonly at: number } | null;
};

export function createRemoteTexts({ clock, load = loadOverNetwork }: RemoteTextsOptions): RemoteTexts {
  const entries = new Map<string, Entry>();
  const running = new Map<string, Promise<string | null>>();

  const keep = (url: string, entry: Entry) => {
    entries.delete(url);
    entries.set(url, entry);
    for (const oldest of entries.keys()) if (entries.size > entriesMax) entries.delete(oldest);
  };
  const open = async (url: string, taken: (text: string) => void): Promise<string | null> => {
    try {
      taken(await load(url, AbortSignal.timeout(timeoutMs)));
      return null;
    } catch (error) {
      const reason = `${url} could not be fetched: ${(error as Error).message}`;
      const { text, fetchedAt } = entries.get(url) ?? { text: null, fetchedAt: 0 };
      keep(url, { text, fetchedAt, failure: { reason, at: clock.now() } });
      return reason;
    }
  };
  /** The same URL is opened once, however many wait for it. */
  const once = (url: string, taken: (text: string) => void): Promise<string | null> => {
    const before = running.get(url);
    if (before) return before;
    const failure = entries.get(url)?.failure;
    if (failure && clock.now() - failure.at < failureMs) return Promise.resolve(failure.reason);
    if (running.size >= atOnceMax) return Promise.resolve('too many keys are being fetched at once');
    const opening = open(url, taken).finally(() => running.delete(url));
    running.set(url, opening);
    return opening;
  };

  return {
    get(url, maxAgeMs) {
      const entry = entries.get(url);
      return entry?.text != null && clock.now() - entry.fetchedAt <= maxAgeMs ? entry.text : null;
    },
    fetch: (url) => once(url, (text) => keep(url, { text, fetchedAt: clock.now(), failure: null })),
    call: (url) => once(url, () => undefined),
  };
}

async function loadOverNetwork(url: string, signal: AbortSignal): Promise<string> {
  // undici follows no redirect unless told to: one is an answer like any other that is not 2xx.
  const { statusCode, body } = await request(url, { signal });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > textBytesMax) throw new Error(`more than ${textBytesMax} bytes`);
    chunks.push(chunk);
  }
  if (statusCode < 200 || statusCode > 299) throw new Error(`it answered ${statusCode}`);
  return Buffer.concat(chunks).toString('utf8');
}
