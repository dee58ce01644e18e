/** What is sent when a dead event gets a second chance. Pure. */
import type { ReplayItem, SelectedDeadLetter } from '../buffer/replaying.ts';
import type { ShapeContext, Shaped } from '../destinations/contract.ts';

export type ResendEvent = Extract<ReplayItem, { readonly kind: 'resend' }>['event'];
export type Resendable = { readonly event: ResendEvent } | { readonly problem: string };

/** As it is: byte for byte what was sent, with its identity and time. */
export function eventOfLetter(letter: SelectedDeadLetter, destinations: ReadonlySet<string>): Resendable {
  const { kind, destination, json, eventId, update } = letter;
  if (kind === 'mapping') return { problem: 'It is about a mapping, not an event: remap its delivery.' };
  const missing = destinationProblem(destination, destinations);
  if (missing !== null || destination === null) return { problem: missing ?? '' };
  if (json === null) return { problem: 'Its event was too large to be kept: remap its delivery.' };
  if (update !== null) return { event: { json, time: letter.time ?? letter.receivedAt, update, destination } };
  const time = letter.time ?? (eventId === null ? ownTime(letter) : null);
  if (time === null)
    return { problem: 'It never became an event, because it breaks a rule: edit it, or mend the mapping and remap.' };
  return { event: { json, time, destination } };
}

/** By hand: checked like a mapping's output, under an identity of its own. */
export function editedEvent(
  letter: SelectedDeadLetter,
  edited: unknown,
  to: {
    readonly destinations: ReadonlySet<string>;
    readonly shape: (output: unknown, context: ShapeContext, destination: string) => Shaped;
    readonly now: number;
  },
): Resendable {
  const { destination, receivedAt, source, id, json } = letter;
  if (letter.kind === 'mapping') return { problem: 'It is about a mapping, not an event.' };
  const missing = destinationProblem(destination, to.destinations);
  if (missing !== null || destination === null) return { problem: missing ?? '' };
  const output = withoutIdentity(edited, json);
  // The letter is the identity: the same letter edited twice by mistake is one event.
  const shaped = to.shape(output, { source, identity: id, receivedAt, index: 0, now: to.now }, destination);
  if (!shaped.ok) return { problem: `${shaped.rule}: ${shaped.message}` };
  const [record, ...more] = shaped.records;
  if (!record) return { problem: 'It is an update that names nothing.' };
  if (more.length > 0) return { problem: 'It is several updates; a copy is one: leave one operator.' };
  return { event: { ...record, destination } };
}

function destinationProblem(destination: string | null, destinations: ReadonlySet<string>): string | null {
  if (destination === null) return 'It names no destination.';
  return destinations.has(destination) ? null : `There is no destination ${destination} any more.`;
}

/** Who edits an event has its `$insert_id` before them; kept, the destination would take the copy for the first one. */
function withoutIdentity(edited: unknown, before: string | null): unknown {
  const properties = propertiesOf(edited);
  const own = properties?.$insert_id;
  if (properties === null || own === undefined || own !== propertiesOf(parsed(before))?.$insert_id) return edited;
  const { $insert_id: _same, ...rest } = properties;
  return { ...(edited as object), properties: rest };
}

/** Of a letter that an older relay wrote, which kept no facts beside it: what was sent says its time. */
function ownTime({ json, reason }: SelectedDeadLetter): number | null {
  if (reason === 'invalid_event') return null;
  const properties = propertiesOf(parsed(json));
  const time = properties?.time;
  return typeof time === 'number' && typeof properties?.$insert_id === 'string' ? time : null;
}

function propertiesOf(event: unknown): Record<string, unknown> | null {
  const properties = (event as { properties?: unknown } | null)?.properties;
  return typeof properties === 'object' && properties !== null && !Array.isArray(properties)
    ? (properties as Record<string, unknown>)
    : null;
}

function parsed(json: string | null): unknown {
  try {
    return JSON.parse(json ?? 'null');
  } catch {
    return null;
  }
}
