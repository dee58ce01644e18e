/** Payloads → what the relay would send: the real evaluator, the real rules, one pretended delivery each. */

import { parseBody } from '../body/parse.ts';
import { type Clock, newId } from '../clock.ts';
import { shapeOutput } from '../destinations/mixpanel/shape.ts';
import type { MapFailure, Program } from '../mapping/program.ts';
import type { MapInput, Runner } from '../mapping/runner.ts';
import type { Source } from '../model.ts';
import type { RawRequest, Verifier } from '../verify/contract.ts';
import { providers } from '../verify/registry.ts';
import { createVerifier } from '../verify/verifier.ts';
import type { Completed } from './completed.ts';

export type Tried = {
  /** Events and updates, as they would be sent but for the token. */
  readonly events: readonly Completed[];
  /** Outputs that break a rule: `output 2: distinct_id_placeholder: …`. */
  readonly broken: readonly string[];
  /** Not null: the mapping itself failed. */
  readonly failure: MapFailure | null;
};

export type TriedPayload = {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
};

export type Bench = {
  readonly source: Source;
  readonly program: Program;
  readonly runner: Runner;
  readonly clock: Clock;
};

/** In their order. One exchange with the evaluator for all: call it with some dozens at most. */
export async function tryPayloads(bench: Bench, payloads: readonly TriedPayload[]): Promise<readonly Tried[]> {
  const { program, runner, clock } = bench;
  const identify = identifier(bench);
  const receivedAt = clock.now();
  const deliveries = await Promise.all(payloads.map((payload) => identify(payload, receivedAt)));
  const results = await runner.map(deliveries.map((delivery) => ({ program, delivery })));
  return results.map((result, at) => {
    if (!result.ok) return { events: [], broken: [], failure: result };
    const delivery = deliveries[at] as MapInput;
    const events: Completed[] = [];
    const broken: string[] = [];
    for (const [index, output] of result.outputs.entries()) {
      const identity = delivery.key ?? delivery.id;
      const shaped = shapeOutput(output, { source: delivery.source, identity, receivedAt, index, now: receivedAt });
      if (shaped.ok) events.push(...shaped.records.map(({ json }) => JSON.parse(json) as Completed));
      else broken.push(`output ${index + 1}: ${shaped.rule}: ${shaped.message}`);
    }
    return { events, broken, failure: null };
  });
}

/** The key is found as the door finds it; no secret is needed for that. */
function identifier({ source, runner }: Bench) {
  const verifier = withoutSecrets(source);
  return async ({ body, headers, query }: TriedPayload, receivedAt: number): Promise<MapInput> => {
    const request = requestOf(source, { body, headers, query });
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
  const search = new URLSearchParams(query).toString();
  const target = `/hooks/${source.name}${search === '' ? '' : `?${search}`}`;
  return { method: 'POST', target, pathKey: null, query, headers, body, parsed };
}

function withoutSecrets(source: Source): Verifier {
  const missing = source.missing.length > 0 ? source.missing : ['its secret'];
  return createVerifier({ ...source, secrets: [], missing }, { publicUrl: null });
}
