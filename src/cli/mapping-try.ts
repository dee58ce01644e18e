/** Payloads → what the relay would send, in words for people. */
import type { Clock } from '../clock.ts';
import type { MapFailure, Program } from '../mapping/program.ts';
import type { Runner } from '../mapping/runner.ts';
import { pretender, type TriedPayload, tryDeliveries } from '../mapping/trial.ts';
import type { Shape } from '../mapping/turn-to-events.ts';
import type { Source } from '../model.ts';
import type { Completed } from './completed.ts';

export type Tried = {
  /** Events and updates, as they would be sent but for the token. */
  readonly events: readonly Completed[];
  /** Outputs that break a rule: `output 2: distinct_id_placeholder: …`. */
  readonly broken: readonly string[];
  /** Not null: the mapping itself failed. */
  readonly failure: MapFailure | null;
};

export type Bench = {
  readonly source: Source;
  readonly program: Program;
  readonly runner: Runner;
  readonly shape: Shape;
  readonly clock: Clock;
};

/** In their order; some dozens at most. */
export async function tryPayloads(bench: Bench, payloads: readonly TriedPayload[]): Promise<readonly Tried[]> {
  const { source, program, runner, clock } = bench;
  const pretend = pretender(source, runner);
  const now = clock.now();
  const deliveries = await Promise.all(payloads.map((payload) => pretend(payload, now)));
  const [destination = ''] = source.destinations;
  const trials = await tryDeliveries(deliveries, { program, runner, shape: bench.shape, destination, now });
  return trials.map(({ events, broken, failure }) => ({
    events: events as readonly Completed[],
    broken: broken.map(({ output, rule, message }) => `output ${output}: ${rule}: ${message}`),
    failure,
  }));
}
