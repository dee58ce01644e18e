/** One delivery mapped again, inside a step's transaction: what it became before gives way as `../remap.ts` says. */
import type { EventState, RelayEvent, Route } from '../../model.ts';
import type { MappedDelivery } from '../contract.ts';
import { madeAnew } from '../event-ids.ts';
import { type EarlierEvent, planRemap } from '../remap.ts';
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import type { Lane } from './lanes.ts';
import type { Letters } from './letters.ts';
import type { Queueing } from './queueing.ts';
import { deliveryStates } from './schema.ts';
import type { Store } from './store.ts';
import { addFallen, addMended } from './unmapped-types.ts';

type DeliveryRow = [id: string, kind: number, state: number, receivedAt: number, type: string | null];
type EventRow = [position: number, lane: number, id: string, json: string];
type LetterRow = [position: number, kind: number, letter: string, event: number | null, json: string | null];
type Letter = { readonly position: number; readonly kind: number; readonly uncertain: boolean };
type Earlier = EarlierEvent & { readonly position: number; readonly lane: Lane; readonly letter: Letter | null };

export type Remapped = {
  /** Positions of all events of the delivery that wait now. */
  readonly waiting: readonly number[];
  /** Those that gave way: what counted on them. */
  readonly gone: readonly number[];
  /** Why it is not all well; null: it is. */
  readonly trouble: string | null;
  readonly after: () => void;
};

export class Remapping {
  readonly #store: Store;
  readonly #letters: Letters;
  readonly #queueing: Queueing;
  readonly #delivery: Statement;
  readonly #events: Statement;
  readonly #lettersOf: Statement;
  readonly #mark: Statement;
  readonly #dropBody: Statement;
  readonly #replaceBody: Statement;

  constructor(store: Store, letters: Letters, queueing: Queueing) {
    const { database } = store;
    this.#store = store;
    this.#letters = letters;
    this.#queueing = queueing;
    this.#delivery = database.prepare('SELECT id, kind, state, received_at, type FROM deliveries WHERE position = ?');
    this.#events = database.prepare('SELECT position, lane, id, json FROM events WHERE delivery = ? ORDER BY position');
    this.#lettersOf = database.prepare(
      `SELECT l.position, l.letter_kind, l.kind, f.event, CASE WHEN f.position IS NULL THEN l.event END
       FROM letters l LEFT JOIN letter_facts f ON f.position = l.position WHERE l.delivery = ?`,
    );
    this.#mark = database.prepare(
      `UPDATE deliveries SET state = ?, kind = ?, created = created + ?, waiting = waiting + ?, dead = dead + ?
       WHERE position = ?`,
    );
    this.#dropBody = database.prepare('DELETE FROM bodies WHERE position = ?');
    this.#replaceBody = database.prepare('UPDATE bodies SET body = ? WHERE position = ?');
  }

  /** `busy`: an event that would give way is being sent, and nothing was changed. `gone`: it is not kept any more. */
  remap(mapped: MappedDelivery, replay: string, counts: Counts, now: number): Remapped | 'busy' | 'gone' {
    const { position, id } = mapped.delivery;
    const row = this.#delivery.get<DeliveryRow>(position);
    if (!row || row[0] !== id) return 'gone';
    const { earlier, others } = this.#before(position);
    const plan = planRemap(earlier, mapped.events);
    if (plan.busy) return 'busy';
    const after: (() => void)[] = [];
    const source = this.#store.names.kind(row[1]).source;
    const change = { created: 0, waiting: 0, dead: 0 };
    for (const event of plan.gone) {
      change.created -= 1;
      if (event.state === 'waiting') {
        change.waiting -= 1;
        after.push(this.#queueing.withdraw(event, counts));
      } else change.dead -= 1;
      this.#buryNoMore(event, counts);
    }
    for (const { earlier: event } of plan.again) {
      change.dead -= 1;
      change.waiting += 1;
      this.#buryNoMore(event, counts);
    }
    for (const { position: letter, kind, event } of others) {
      this.#letters.remove(letter, kind, counts);
      if (!event) continue;
      change.created -= 1;
      change.dead -= 1;
    }
    const again = new Set(plan.again.map(({ next }) => next));
    const fresh = new Set(plan.fresh);
    const isNew = earlier.length === 0;
    const queued: number[] = [];
    for (const event of mapped.events) {
      if (!again.has(event) && !fresh.has(event)) continue;
      if (fresh.has(event)) {
        change.created += 1;
        change.waiting += 1;
      }
      const named: RelayEvent = isNew ? event : { ...event, id: madeAnew(event.id, replay) };
      queued.push(this.#queueing.add(named, { delivery: position, source, since: now }, counts));
    }
    const kind = this.#store.names.kind(row[1]);
    const burial = { source, delivery: position, deliveryId: id, type: kind.type ?? row[4], receivedAt: row[3], now };
    for (const letter of mapped.dead) {
      this.#letters.add({ ...burial, letter, event: null }, counts);
      if (letter.kind !== 'event') continue;
      change.created += 1;
      change.dead += 1;
    }
    this.#count(mapped, row, change, counts);
    const waits = plan.same.filter(({ state }) => state === 'waiting').map((event) => event.position);
    return {
      waiting: [...waits, ...queued],
      gone: plan.gone.filter(({ state }) => state === 'waiting').map((event) => event.position),
      trouble: troubleOf(mapped, plan.held.length),
      after: () => after.forEach((step) => void step()),
    };
  }

  #count(
    mapped: MappedDelivery,
    [id, kindNumber, stateNumber, receivedAt, ownType]: DeliveryRow,
    change: { readonly created: number; readonly waiting: number; readonly dead: number },
    counts: Counts,
  ): void {
    const { names } = this.#store;
    const { position } = mapped.delivery;
    const kind = names.kind(kindNumber);
    const marked = names.kindIn(mapped.state, kind);
    const before = deliveryStates[stateNumber] ?? 'accepted';
    const state = deliveryStates.indexOf(mapped.state);
    this.#mark.run(state, marked.n, change.created, change.waiting, change.dead, position);
    if (mapped.forgetBody) this.#dropBody.run(position);
    else if (mapped.maskedBody) this.#replaceBody.run(mapped.maskedBody, position);
    counts.source(kind.source, 'created', change.created);
    counts.source(kind.source, 'dead', change.dead);
    if (before === mapped.state) return;
    counts.kind(kind.n, -1);
    counts.kind(marked.n, 1);
    if (before !== 'accepted') counts.source(kind.source, before, -1);
    counts.source(kind.source, mapped.state);
    const type = kind.type ?? ownType;
    if (before === 'skipped' || before === 'failed') addMended(counts.mended, kind.source, { type, state: before });
    if (mapped.state !== 'mapped')
      addFallen(counts.unmapped, kind.source, { type, state: mapped.state, delivery: id, at: receivedAt });
  }

  /** Its row and its letter, if it has one. */
  #buryNoMore({ position, letter }: Earlier, counts: Counts): void {
    if (letter) this.#letters.remove(letter.position, letter.kind, counts);
    this.#queueing.forget(position);
  }

  /** The events it became, and the letters that are about none of them. */
  #before(delivery: number): {
    earlier: Earlier[];
    others: { position: number; kind: number; event: boolean }[];
  } {
    const letters = this.#lettersOf.all<LetterRow>(delivery);
    const taken = new Set<number>();
    const earlier = this.#events.all<EventRow>(delivery).flatMap(([position, laneNumber, id, json]): Earlier[] => {
      const lane = this.#store.lanes.numbered(laneNumber);
      if (!lane) return [];
      const waits = this.#queueing.waits(position, lane);
      const found = waits ? undefined : letters.find(([, , , event, text]) => event === position || text === json);
      if (found) taken.add(found[0]);
      const letter = found ? this.#letterOf(found) : null;
      const state: EventState = waits ? 'waiting' : letter ? 'dead' : 'delivered';
      const route: Route = lane.route;
      const leased = this.#store.lanes.leases.has(position) || waits === 'begun';
      const uncertain = letter?.uncertain ?? false;
      return [{ id, destination: lane.destination, route, state, json, leased, uncertain, position, lane, letter }];
    });
    const others = letters
      .filter(([position]) => !taken.has(position))
      .map(([position, kind, of]) => ({ position, kind, event: of === 'event' }));
    return { earlier, others };
  }

  #letterOf([position, kind]: LetterRow): Letter {
    return { position, kind, uncertain: this.#store.names.letterKindOf(kind).reason === 'unknown_outcome' };
  }
}

function troubleOf({ dead }: MappedDelivery, held: number): string | null {
  const [first] = dead;
  if (first) return `${first.reason}: ${first.message}`;
  return held > 0 ? `${held} of its updates would count twice and were held back.` : null;
}
