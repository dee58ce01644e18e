/** One dead event waits again, inside a step's transaction: as it is, or as an edited copy in its place. */
import type { RelayEvent } from '../../model.ts';
import { madeAnew, placelessEvent } from '../event-ids.ts';
import type { ReplayItem } from '../replaying.ts';
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import type { Letters } from './letters.ts';
import type { Queueing } from './queueing.ts';
import type { Store } from './store.ts';

type Row = [
  position: number,
  kind: number,
  delivery: number,
  deliveryId: string,
  event: number | null,
  eventId: string | null,
];
export type Resend = Extract<ReplayItem, { kind: 'resend' }>;
export type Resent = { readonly item: number; readonly position: number };

export class Resending {
  readonly #store: Store;
  readonly #letters: Letters;
  readonly #queueing: Queueing;
  readonly #letter: Statement;
  readonly #mark: Statement;

  constructor(store: Store, letters: Letters, queueing: Queueing) {
    const { database } = store;
    this.#store = store;
    this.#letters = letters;
    this.#queueing = queueing;
    this.#letter = database.prepare(
      `SELECT l.position, l.letter_kind, l.delivery, l.delivery_id, f.event, f.event_id
       FROM letters l LEFT JOIN letter_facts f ON f.position = l.position WHERE l.id = ? AND l.kind = 'event'`,
    );
    this.#mark = database.prepare(
      'UPDATE deliveries SET dead = dead - 1, waiting = waiting + 1 WHERE position = ? AND id = ? AND dead > 0',
    );
  }

  /** Null: the letter is not there any more. */
  resend({ letter, event, edited }: Resend, replay: string, counts: Counts, now: number): Resent | null {
    const row = this.#letter.get<Row>(letter);
    if (!row) return null;
    const [item, kind, delivery, deliveryId, old, eventId] = row;
    const { source } = this.#store.names.letterKindOf(kind);
    this.#letters.remove(item, kind, counts);
    if (old !== null) this.#queueing.forget(old);
    const id = madeAnew(eventId || placelessEvent(deliveryId), edited ? letter : replay);
    const whole: RelayEvent = { ...event, id };
    const position = this.#queueing.add(whole, { delivery, source, since: now }, counts);
    this.#mark.run(delivery, deliveryId);
    counts.source(source, 'dead', -1);
    return { item, position };
  }
}
