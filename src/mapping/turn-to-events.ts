/** What a delivery becomes, once its mapping has spoken: events for each destination, dead letters, a state. Pure. */
import type { MappedDelivery, NewDeadLetter } from '../buffer/contract.ts';
import type { ShapeContext, Shaped } from '../destinations/contract.ts';
import type { DeadLetterReason } from '../errors.ts';
import type { Delivery, RelayEvent } from '../model.ts';
import type { MapResult } from './program.ts';

/** The destination's own way to complete and check an output. */
export type Shape = (output: unknown, context: ShapeContext, destination: string) => Shaped;

/** Of a refused output kept in its dead letter. */
const KEPT_CHARACTERS_MAX = 256 * 1024;

/** Yields after every output, so that ten thousand of them can be taken in turns; returns the whole. */
export function* turnToEvents(
  delivery: Delivery,
  result: MapResult,
  to: { readonly destinations: readonly string[]; readonly shape: Shape; readonly now: number },
): Generator<void, MappedDelivery> {
  if (!result.ok) return failed(delivery, result.reason, result.message);
  if (result.outputs.length === 0) return { delivery: reference(delivery), state: 'skipped', events: [], dead: [] };
  const { id, source, identity, receivedAt } = delivery;
  const events: RelayEvent[] = [];
  const dead: NewDeadLetter[] = [];
  const several = to.destinations.length > 1;
  for (const [index, output] of result.outputs.entries()) {
    for (const destination of to.destinations) {
      const shaped = to.shape(output, { source, identity, receivedAt, index, now: to.now }, destination);
      if (!shaped.ok) dead.push(refusedOutput(output, shaped, destination));
      else {
        for (const [part, record] of shaped.records.entries()) {
          const id = eventId(delivery.id, part === 0 ? `${index}` : `${index}.${part}`, several ? destination : null);
          events.push({ id, destination, ...record });
        }
      }
    }
    yield;
  }
  // An update that names nothing becomes nothing.
  const state = events.length + dead.length === 0 ? 'skipped' : 'mapped';
  return { delivery: { id, source, position: delivery.position }, state, events, dead };
}

export function failed(delivery: Delivery, reason: DeadLetterReason, message: string): MappedDelivery {
  return {
    delivery: reference(delivery),
    state: 'failed',
    events: [],
    dead: [{ kind: 'mapping', reason, message, attempts: 0 }],
  };
}

function reference({ position, id, source }: Delivery): MappedDelivery['delivery'] {
  return { position, id, source };
}

function refusedOutput(
  output: unknown,
  { rule, message }: { readonly rule: string; readonly message: string },
  destination: string,
): NewDeadLetter {
  const text = JSON.stringify(output);
  const reason: DeadLetterReason = rule.includes('too_large') ? 'too_large' : 'invalid_event';
  return {
    kind: 'event',
    reason,
    message: `${rule}: ${message}`,
    destination,
    ...(text.length <= KEPT_CHARACTERS_MAX ? { eventJson: text } : {}),
    attempts: 0,
  };
}

/** `evt_` + the delivery's own part + place among the outputs, + destination when there are several. */
function eventId(delivery: string, place: string, destination: string | null): string {
  const own = delivery.startsWith('dlv_') ? delivery.slice('dlv_'.length) : delivery;
  return `evt_${own}-${place}${destination === null ? '' : `-${destination}`}`;
}
