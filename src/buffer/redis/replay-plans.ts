/**
 * What a step asks of an item. What a new mapping changes is said once, by `../remap.ts`: it is held against how the delivery stands,
 * and the script does it only if the delivery stands so still.
 */
import type { EventState, RelayEvent } from '../../model.ts';
import type { MappedDelivery } from '../contract.ts';
import { madeAnew, placelessEvent } from '../event-ids.ts';
import { type EarlierEvent, planRemap } from '../remap.ts';
import type { ReplayItem } from '../replaying.ts';
import type { Argument, Reply } from './connection.ts';
import { laneParts } from './keys.ts';
import { eventBytes, letterArguments, letterBytes } from './mapping-log.ts';
import type { LetterRow } from './reading-letters.ts';
import { rowsOf } from './reading-pages.ts';

const eventFields = 6;
const letterFields = 4;

export type Asked = { readonly args: readonly Argument[]; readonly bytes: number };
type Earlier = EarlierEvent & { readonly position: string; readonly letter: string | null };
type Letter = { readonly id: string; readonly kind: string; readonly reason: string; readonly event: string };
/** How a delivery stands (stand.lua): its stand, events, letters. */
export type Standing = readonly [stand: Reply, events: Reply, letters: Reply];

export function askFailed({ cursor, message }: Extract<ReplayItem, { kind: 'failed' }>): Asked {
  return { args: ['failed', String(cursor), message], bytes: 0 };
}

/** `row`: its letter, as far as it is there. */
export function askResend(
  { cursor, letter, event, edited }: Extract<ReplayItem, { kind: 'resend' }>,
  replay: string,
  row: LetterRow | undefined,
): Asked {
  const { delivery = '', eventId = null } = row?.letter ?? {};
  const id = madeAnew(eventId || placelessEvent(delivery), edited ? letter : replay);
  return {
    args: ['resend', String(cursor), letter, ...eventArguments({ ...event, id })],
    bytes: eventBytes + event.json.length,
  };
}

/** `busy`: one of its events that would give way is being sent just now. */
export function askRemap(
  { cursor, mapped }: Extract<ReplayItem, { kind: 'remap' }>,
  replay: string,
  standing: Standing,
  now: number,
): Asked | 'busy' {
  const { earlier, others } = readStanding(standing);
  const plan = planRemap(earlier, mapped.events);
  if (plan.busy) return 'busy';
  const again = new Set(plan.again.map(({ next }) => next));
  const fresh = new Set(plan.fresh);
  const queued = mapped.events
    .filter((event) => again.has(event) || fresh.has(event))
    .map((event) => (earlier.length === 0 ? event : { ...event, id: madeAnew(event.id, replay) }));
  const backAgain = plan.again.map((one) => one.earlier);
  const letters = [...plan.gone, ...backAgain].flatMap(({ letter }) => (letter === null ? [] : [letter]));
  const { id } = mapped.delivery;
  const becomes = mapped.forgetBody ? 'f' : mapped.maskedBody ? 'm' : '';
  const masked = becomes === 'm' && mapped.maskedBody ? Buffer.from(mapped.maskedBody) : '';
  const lists = [
    plan.gone.map(({ position }) => position),
    backAgain.map(({ position }) => position),
    plan.same.filter(({ state }) => state === 'waiting').map(({ position }) => position),
    [...letters, ...others.map((letter) => letter.id)],
  ];
  const args: Argument[] = ['remap', String(cursor), id, String(standing[0]), mapped.state.charAt(0), becomes, masked];
  args.push(troubleOf(mapped, plan.held.length) ?? '', ...lists.flatMap((list) => [String(list.length), ...list]));
  args.push(String(queued.length), ...queued.flatMap(eventArguments));
  args.push(String(mapped.dead.length), ...mapped.dead.flatMap((letter) => letterArguments(letter, now)));
  args.push(String(others.filter(({ kind }) => kind === 'event').length));
  const eventsBytes = queued.reduce((sum, { json }) => sum + eventBytes + json.length, masked.length);
  const bytes = mapped.dead.reduce(
    (sum, { message, eventJson = '' }) => sum + letterBytes + message.length + eventJson.length,
    eventsBytes,
  );
  return { args, bytes };
}

/** The events it became, and the letters that are about none of them. */
function readStanding([, events, letters]: Standing): { earlier: readonly Earlier[]; others: readonly Letter[] } {
  const about = rowsOf(letters, letterFields).map((row): Letter => {
    const [id = '', kind = '', reason = '', event = ''] = row.map(String);
    return { id, kind, reason, event };
  });
  const byEvent = new Map(about.filter(({ event }) => event !== '').map((letter) => [letter.event, letter]));
  const earlier = rowsOf(events, eventFields).map((row): Earlier => {
    const [position = '', id = '', lane = '', state = '', leaving = '', json = ''] = row.map(String);
    const { destination, route } = laneParts(lane);
    const letter = state === 'x' ? byEvent.get(position) : undefined;
    const once = route === 'profile_once' || route === 'group_once';
    return {
      ...{ id, destination, route: route as EarlierEvent['route'], state: stateOf(state), json, position },
      leased: leaving === '1',
      // Of one whose letter gave way nobody knows any more.
      uncertain: letter ? letter.reason === 'unknown_outcome' : state === 'x' && once,
      letter: letter?.id ?? null,
    };
  });
  const there = new Set(earlier.map(({ letter }) => letter));
  return { earlier, others: about.filter(({ id }) => !there.has(id)) };
}

function stateOf(letter: string): EventState {
  return letter === 'w' ? 'waiting' : letter === 'd' ? 'delivered' : 'dead';
}

function eventArguments({ id, destination, update, time, json }: RelayEvent): string[] {
  return [id, destination, update?.route ?? 'event', update?.key ?? '', String(Math.trunc(time)), json];
}

function troubleOf({ dead }: MappedDelivery, held: number): string | null {
  const [first] = dead;
  if (first) return `${first.reason}: ${first.message}`;
  return held > 0 ? `${held} of its updates would count twice and were held back.` : null;
}
