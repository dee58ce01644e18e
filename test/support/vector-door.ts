/** One real door for all vectors: a source for each, a clock that is set for each request, a keeper that only accepts. */
import { request } from 'undici';
import type { Clock } from '../../src/clock.ts';
import { systemClock } from '../../src/clock.ts';
import type { Source } from '../../src/model.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { type Door, openDoor } from '../intake/door.ts';
import { bodyOf, clockOf, secretsOf, sourceOfVector, targetOf, type Vector } from './vectors.ts';

export type Change = {
  /** A source made by `fresh`; else the vector's own. */
  readonly source?: string;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly method?: string;
  /** Instead of the vector's own. */
  readonly query?: string;
  readonly now?: number;
};

export type VectorAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What the relay tells its operator. */
  readonly reason: string;
};

export async function openVectorDoor() {
  let now = 0;
  let made = 0;
  const texts = new Map<string, string>();
  const clock: Clock = { ...systemClock, now: () => now };
  const remote = {
    get: (url: string) => texts.get(url) ?? null,
    fetch: async (url: string) => (texts.has(url) ? null : `${url} is not there`),
    call: async () => null,
  };
  const door: Door = await openDoor({
    sources: [],
    clock,
    remote,
    refusedPerAddress: { count: 1e6, windowMs: 60_000 },
  });

  function enter(vector: Vector, secrets: readonly string[]): string {
    const source: Source = { ...sourceOfVector(vector, secrets), name: `v${++made}` };
    for (const [url, text] of Object.entries(vector.remote ?? {})) texts.set(url, text);
    door.enter(source, createVerifier(source, { publicUrl: 'https://relay.example.com', remote }));
    return source.name;
  }
  const own = new Map<Vector, string>();
  const sourceOf = (vector: Vector): string => {
    const name = own.get(vector) ?? enter(vector, secretsOf(vector));
    own.set(vector, name);
    return name;
  };

  async function post(vector: Vector, change: Change = {}): Promise<VectorAnswer> {
    now = change.now ?? clockOf(vector);
    const changed = Object.entries({ ...vector.headers, ...change.headers });
    const headers = Object.fromEntries(changed.filter((entry): entry is [string, string] => entry[1] !== undefined));
    const method = change.method ?? vector.method ?? 'POST';
    const body = method === 'GET' || method === 'HEAD' ? null : (change.body ?? bodyOf(vector));
    const asked = change.query === undefined ? vector : { ...vector, query: change.query };
    const url = door.url + targetOf(asked, change.source ?? sourceOf(vector));
    const before = door.receipts.length;
    const answer = await request(url, { method: method as 'POST', headers, body });
    return {
      status: answer.statusCode,
      headers: answer.headers as Record<string, string>,
      body: await answer.body.text(),
      reason: door.receipts
        .slice(before)
        .map(({ reason }) => reason)
        .join(),
    };
  }

  return {
    post,
    /** The same source once more, with nothing kept yet. */
    fresh: async (vector: Vector, secrets = secretsOf(vector)) => enter(vector, secrets),
    keptBy: (source: string) => door.kept.filter((delivery) => delivery.source === source),
    /** Headers of the vector that prove it. */
    proofsOf: (vector: Vector): readonly string[] => {
      const { proofHeaders } = createVerifier(sourceOfVector(vector), { publicUrl: 'https://relay.example.com' });
      return [...proofHeaders, ...(vector.signed_headers ?? [])].filter((name) => vector.headers[name] !== undefined);
    },
    /** Fields of the vector's query that prove it. */
    queryProofsOf: (vector: Vector): readonly string[] => {
      const { proofQuery } = createVerifier(sourceOfVector(vector), { publicUrl: 'https://relay.example.com' });
      return proofQuery.filter((name) => new URLSearchParams(vector.query ?? '').has(name));
    },
    otherSecret,
    [Symbol.asyncDispose]: () => door[Symbol.asyncDispose](),
  };
}

/** Of the same form, so that it is the proof that is refused and not the configuration. */
function otherSecret({ secret = '', other_secret }: Vector): string {
  if (other_secret !== undefined) return other_secret;
  if (/^[0-9a-fA-F]+$/.test(secret) && secret.length % 2 === 0) {
    return secret.slice(0, -1) + (secret.at(-1) === '1' ? '2' : '1');
  }
  // In the middle: the ends of base64 and of keys are read in more than one way.
  const middle = Math.floor(secret.length / 2);
  const at = secret[middle] === ':' ? middle + 1 : middle;
  return secret.slice(0, at) + (secret[at] === 'A' ? 'B' : 'A') + secret.slice(at + 1);
}
