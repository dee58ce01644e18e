/** What a kept delivery has become, as the destination of a source has it. */
import { placeOfEvent } from '../buffer/event-ids.ts';
import type { ApiEvent, ApiWholeDelivery } from './api.ts';

/** Of events that were made anew the newest counts; a source with several destinations has each event once for each of them. */
export function eventsOf({ events }: Pick<ApiWholeDelivery, 'events'>, destination?: string): readonly ApiEvent[] {
  const first = destination ?? events[0]?.destination;
  const newest = new Map<string, ApiEvent>();
  for (const event of events) if (event.destination === first) newest.set(placeOfEvent(event.id), event);
  return [...newest.values()];
}
