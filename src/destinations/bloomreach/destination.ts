/**
 * Bloomreach Engagement: a batch becomes one POST to `/track/v2/projects/<token>/batch`, never compressed; the answer becomes an
 * outcome, by index where commands fared differently. It keeps connections open but no queue, follows no redirect and never tries
 * again. Before a request leaves, it waits for its turn among all that leave from the relay's address.
 *
 * Sent twice, an event is stored once (an exact copy: same customer, type, timestamp and properties) and billed twice; an update
 * changes nothing the second time. What acts on events as they come, such as a campaign, may see both.
 */
import { Pool } from 'undici';
import type { Clock } from '../../clock.ts';
import type { LeasedEvent, Outcome } from '../../model.ts';
import type { Destination, SendResult } from '../contract.ts';
import { type Exchanged, exchange } from '../exchange.ts';
import { classifyFailure } from '../mixpanel/classify.ts';
import { publicAddress } from '../mixpanel/public-address.ts';
import { isRecord } from '../mixpanel/rules.ts';
import { classifyBatch } from './classify.ts';
import type { Pacer } from './pacer.ts';

export type BloomreachKey = { readonly id: string; readonly secret: string } | { readonly publicToken: string };

export type BloomreachOptions = {
  readonly name: string;
  /** Of the instance (`https://api.exponea.com`); may have a path (a proxy). */
  readonly baseUrl: string;
  /** Part of the address; no secret. */
  readonly projectToken: string;
  readonly key: BloomreachKey;
  /** Send the end user's address where the events have one (`shape.ts` keeps it only then). */
  readonly endUserAddress: boolean;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly clock: Clock;
  /** One for all destinations of this type. */
  readonly pacer: Pacer;
  /** For `User-Agent: trackrelay/<version>`. */
  readonly version?: string;
};

/** In one request. */
export const COMMANDS_MAX = 50;
/** Fifty results with a page of reasons each. */
const ANSWER_BYTES_MAX = 262_144;
/** After a 429 that names no time: as long as the limit counts. */
const HOLD_MS = 1000;
/** A lease has 15 s to spare when a request begins; waiting longer than that would lose it. */
const TURN_WAIT_MAX_MS = 10_000;
const SECRET_LENGTH_MIN = 8;

export function createBloomreach(options: BloomreachOptions): Destination {
  const { clock, pacer, timeoutMs } = options;
  const base = new URL(options.baseUrl);
  const path = `${base.pathname.replace(/\/+$/, '')}/track/v2/projects/${encodeURIComponent(options.projectToken)}`;
  const pool = new Pool(base.origin, {
    connections: options.concurrency,
    pipelining: 1,
    connect: { timeout: timeoutMs },
    // One deadline over everything is kept in exchange.ts; these two would only cut it short.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const authorization = authorizationOf(options.key);
  const secrets = secretsOf(options.key, authorization);
  const headers = {
    authorization,
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': `trackrelay/${options.version ?? '0'}`,
  };
  // `evt_`, a delivery's part, places and the destination's name: an upper bound is enough.
  const commandIdBytes = 64 + Buffer.byteLength(options.name);

  async function post(body: Buffer, address: string | null, stopped: AbortSignal): Promise<Exchanged> {
    const forwarded = address === null ? headers : { ...headers, 'x-forwarded-for': address };
    const request = { method: 'POST', path: `${path}/batch`, headers: forwarded, body } as const;
    const within = { clock, timeoutMs, answerBytesMax: ANSWER_BYTES_MAX };
    return await exchange((signal) => pool.request({ ...request, signal }), stopped, within);
  }

  function outcomeOf(exchanged: Exchanged, events: readonly LeasedEvent[]): Outcome {
    switch (exchanged.kind) {
      case 'stopped':
        return stopping;
      case 'failed': {
        const { code, message } = exchanged.failure;
        return classifyFailure({ code, message: without(message, secrets) });
      }
      case 'answered': {
        const body = without(exchanged.body, secrets);
        return classifyBatch({ ...exchanged, body, commandIds: events.map((event) => event.id) }, clock.now());
      }
    }
  }

  return {
    name: options.name,
    address: `${base.origin}${path}`,
    eventAgeMaxMs: null,
    eventsMax: COMMANDS_MAX,
    // Relays may have one address for the world: of them all one sends, and its pacer knows of all.
    limitedWith: 'bloomreach',
    // One more for its comma.
    sizeOf: ({ json }) => Buffer.byteLength(json) + commandIdBytes + 1,
    probe: null,
    async send(events, signal) {
      if (events.length > COMMANDS_MAX) return unsent(tooMany(events.length));
      const turn = await pacer.turn(TURN_WAIT_MAX_MS, signal);
      if (signal.aborted) return unsent({ ...stopping, notTaken: true });
      if (!turn.granted) return unsent(notItsTurn(turn.waitMs));
      const startedAt = clock.monotonic();
      const body = Buffer.from(bodyOf(events));
      const exchanged = await post(body, options.endUserAddress ? sharedAddress(events) : null, signal);
      const outcome = outcomeOf(exchanged, events);
      // The limit is the address's: the other projects behind it have met it too.
      if (outcome.kind === 'retry' && outcome.slowDown) pacer.hold(outcome.retryAfterMs ?? HOLD_MS);
      const { status } = exchanged;
      return { outcome, status, durationMs: clock.monotonic() - startedAt, bytes: body.length };
    },
    async [Symbol.asyncDispose]() {
      await pool.destroy();
    },
  };
}

const stopping = { kind: 'retry', reason: 'stopped', message: 'The relay is stopping.', slowDown: false } as const;

function unsent(outcome: Outcome): SendResult {
  return { outcome, status: null, durationMs: 0, bytes: 0 };
}

/** It would be refused whole. */
function tooMany(commands: number): Outcome {
  const message = `${commands} commands; a request takes ${COMMANDS_MAX}.`;
  return { kind: 'split', reason: 'too_many', message, tooLarge: false };
}

function notItsTurn(waitMs: number): Outcome {
  const message = 'Too many requests of this relay wait for their turn at Bloomreach, or it asked all of them to wait.';
  return { kind: 'retry', reason: 'paced', message, retryAfterMs: waitMs, slowDown: false, notTaken: true };
}

/** A command ends in `}` and is not empty, so that its id goes in with a comma before that. */
function bodyOf(events: readonly LeasedEvent[]): string {
  const commands = events.map(({ id, json }) => `${json.slice(0, -1)},"command_id":${JSON.stringify(id)}}`);
  return `{"commands":[${commands.join(',')}]}`;
}

/** The header speaks for the whole request, so only an address that all its events have may be in it. */
function sharedAddress(events: readonly LeasedEvent[]): string | null {
  const [first, ...others] = events.map(addressOf);
  return first !== undefined && others.every((address) => address === first) ? first : null;
}

function addressOf({ json }: LeasedEvent): string | null {
  const { data } = JSON.parse(json) as { data?: unknown };
  return isRecord(data) && isRecord(data.properties) ? publicAddress(data.properties.ip) : null;
}

function authorizationOf(key: BloomreachKey): string {
  if ('publicToken' in key) return `Token ${key.publicToken}`;
  return `Basic ${Buffer.from(`${key.id}:${key.secret}`).toString('base64')}`;
}

/** What must not come back in messages. Shorter ones are looked for in vain: they would be found in words. */
function secretsOf(key: BloomreachKey, authorization: string): readonly string[] {
  const own = 'publicToken' in key ? key.publicToken : key.secret;
  return [authorization.slice(authorization.indexOf(' ') + 1), own].filter(
    (secret) => secret.length >= SECRET_LENGTH_MIN,
  );
}

function without(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => left.replaceAll(secret, '[secret]'), text);
}
