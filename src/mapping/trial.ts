/**
 * A trial: what a mapping would make of a webhook, with the real evaluator and the real rules, and nothing kept. The
 * commands and the API try mappings with this.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseBody } from '../body/parse.ts';
import { newId } from '../clock.ts';
import type { Fields, Source } from '../model.ts';
import type { RawRequest, Verifier } from '../verify/contract.ts';
import { providers } from '../verify/registry.ts';
import { createVerifier } from '../verify/verifier.ts';
import type { MapFailure, MapResult, Program } from './program.ts';
import type { MapInput, Runner } from './runner.ts';
import type { Shape } from './turn-to-events.ts';

export type TriedPayload = {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Fields;
};

export type Trial = {
  /** Events and updates, as they would be sent but for the token. */
  readonly events: readonly unknown[];
  readonly broken: readonly BrokenOutput[];
  /** Not null: the mapping itself failed. */
  readonly failure: MapFailure | null;
};

export type BrokenOutput = {
  /** Place in the mapping's result, from 1. */
  readonly output: number;
  readonly rule: string;
  readonly message: string;
};

export type TrialOptions = {
  readonly program: Program;
  readonly runner: Pick<Runner, 'map'>;
  readonly shape: Shape;
  readonly destination: string;
  readonly now: number;
};

/** Outputs shaped before others get a turn of the event loop: ten thousand take a fifth of a second. */
const OUTPUTS_AT_ONCE = 250;

/** In their order. One exchange with the evaluator for all: call it with some dozens at most. */
export async function tryDeliveries(deliveries: readonly MapInput[], options: TrialOptions): Promise<readonly Trial[]> {
  const { program, runner } = options;
  const results = await runner.map(deliveries.map((delivery) => ({ program, delivery })));
  const trials: Trial[] = [];
  for (const [at, result] of results.entries()) trials.push(await shaped(deliveries[at] as MapInput, result, options));
  return trials;
}

async function shaped(delivery: MapInput, result: MapResult, options: TrialOptions): Promise<Trial> {
  if (!result.ok) return { events: [], broken: [], failure: result };
  const { source, receivedAt } = delivery;
  const identity = delivery.key ?? delivery.id;
  const events: unknown[] = [];
  const broken: BrokenOutput[] = [];
  for (const [index, output] of result.outputs.entries()) {
    const context = { source, identity, receivedAt, index, now: options.now };
    const one = options.shape(output, context, options.destination);
    if (one.ok) events.push(...one.records.map(({ json }) => JSON.parse(json) as unknown));
    else broken.push({ output: index + 1, rule: one.rule, message: one.message });
    if (index % OUTPUTS_AT_ONCE === OUTPUTS_AT_ONCE - 1) await nextTurn();
  }
  return { events, broken, failure: null };
}

/** The delivery that a payload would be. Its key is found as the door finds it; no secret is needed for that. */
export function pretender(source: Source, runner: Pick<Runner, 'doorId'>) {
  const verifier = withoutSecrets(source);
  return async (payload: TriedPayload, receivedAt: number): Promise<MapInput> => {
    const { body, headers, query } = payload;
    const request = requestOf(source, payload);
    const view = { method: 'POST', headers, query, body: request.parsed() ?? null };
    const asked = source.deliveryId !== null && source.deliveryId !== 'body';
    const key = asked ? await runner.doorId(source, view) : verifier.identify(view, request).key;
    const id = newId('dlv', receivedAt);
    return { id, source: source.name, provider: source.provider, receivedAt, key, headers, query, body };
  };
}

/** As if the payload had been posted to the source. */
export function requestOf(source: Source, { body, headers, query }: TriedPayload): RawRequest {
  const form = { plainTextIsJson: true, ...providers.get(source.provider)?.body };
  const parsed = () => {
    const outcome = parseBody(body, headers['content-type'], form);
    return outcome.ok ? outcome.value : undefined;
  };
  const fields = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  const search = new URLSearchParams(fields).toString();
  const target = `/hooks/${source.name}${search === '' ? '' : `?${search}`}`;
  return { method: 'POST', target, pathKey: null, query, headers, body, parsed };
}

function withoutSecrets(source: Source): Verifier {
  const missing = source.missing.length > 0 ? source.missing : ['its secret'];
  return createVerifier({ ...source, secrets: [], missing }, { publicUrl: null });
}
