/** Replays of a running relay: with its mappings and destinations as they are when an item's turn comes, and its log. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BufferKeeper, MappedDelivery } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import type { Destination } from '../destinations/contract.ts';
import { bodyKept, readsMasked } from '../mapping/kept-body.ts';
import type { Library } from '../mapping/library.ts';
import type { Runner } from '../mapping/runner.ts';
import { failed, type Shape, turnToEvents } from '../mapping/turn-to-events.ts';
import type { Delivery } from '../model.ts';
import type { Log } from '../observe/log.ts';
import { createReplays, type Replays } from '../replay/engine.ts';

export type OpenReplaysOptions = {
  readonly buffer: BufferKeeper;
  readonly clock: Clock;
  readonly log: Log;
  readonly library: Pick<Library, 'mappingOf'>;
  readonly runner: Pick<Runner, 'mapEach'>;
  readonly shape: Shape;
  readonly destinations: readonly Pick<Destination, 'name' | 'eventAgeMaxMs'>[];
  readonly busy: () => boolean;
  /** Other relays use the same buffer. */
  readonly shared?: boolean;
};

/** Outputs shaped before others get a turn of the event loop. */
const OUTPUTS_AT_ONCE = 250;

export function openReplays(options: OpenReplaysOptions): Replays {
  const { buffer, clock, log, shape, destinations, busy, shared = false } = options;
  const known = new Map(destinations.map(({ name, eventAgeMaxMs }) => [name, { eventAgeMaxMs }]));
  return createReplays({
    ...{ buffer, clock, shape, busy, shared },
    map: (deliveries) => mapAgain(deliveries, options),
    destinations: () => known,
    hooks: {
      began: ({ id, mode, selection, count, by }) =>
        log.info('replay.began', { replay: id, mode, selection: JSON.stringify(selection).slice(0, 500), count, by }),
      ended: ({ id, mode, state, count, done, delivered, failed, lastFailure, by }) =>
        log[failed > 0 ? 'warn' : 'info']('replay.ended', {
          ...{ replay: id, mode, state, count, done, delivered, failed, by },
          reason: lastFailure,
        }),
      trouble: (doing, error) => log.error('buffer.trouble', { doing: `replay: ${doing}`, error: String(error) }),
    },
  });
}

/**
 * As the mapping stage does, but for some that nobody waits for: all of them together, in order. Left out: those whose body was
 * masked where today's mapping reads.
 */
export async function mapAgain(
  deliveries: readonly Delivery[],
  { library, runner, shape, clock }: Pick<OpenReplaysOptions, 'library' | 'runner' | 'shape' | 'clock'>,
): Promise<readonly MappedDelivery[]> {
  const asked = deliveries
    .map((delivery) => ({ delivery, mapping: library.mappingOf(delivery.source) }))
    .filter(({ delivery, mapping }) => !mapping?.program || !readsMasked(delivery, mapping.program));
  const tasks = asked.flatMap(({ delivery, mapping }) =>
    mapping?.program ? [{ program: mapping.program, delivery }] : [],
  );
  const results = await Promise.all(runner.mapEach(tasks));
  const resultOf = new Map(tasks.map(({ delivery }, index) => [delivery.position, results[index]]));
  const mapped: MappedDelivery[] = [];
  for (const { delivery, mapping } of asked) {
    const result = resultOf.get(delivery.position);
    if (!mapping || !result) {
      mapped.push(failed(delivery, 'mapping_missing', `The source ${delivery.source} has no mapping that runs.`));
      continue;
    }
    const { destinations, program, keep } = mapping;
    const steps = turnToEvents(delivery, result, { destinations, shape, now: clock.now() });
    let step = steps.next();
    for (let count = 1; !step.done; count++, step = steps.next()) if (count % OUTPUTS_AT_ONCE === 0) await nextTurn();
    mapped.push(bodyKept(step.value, { delivery, keep, program }));
  }
  return mapped;
}
