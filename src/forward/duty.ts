/**
 * Whether this relay is the one that sends to the destination, and what passes from one sender to the next.
 *
 *   off   another relay sends, or nobody knows who: nothing is started
 *   on    it begins with what the one before noted: a wait is waited out, the rate that was found is the rate, buckets are empty
 *
 * Where the buffer is this relay's alone it is always on.
 */
import type { Sender, Sendership } from '../buffer/sendership.ts';
import type { Clock } from '../clock.ts';
import type { Circuit, CircuitStatus } from './circuit.ts';
import { type CircuitNote, readNote, type SenderNote, statusOf, writeNote } from './circuit-note.ts';

export type DutyOptions = {
  readonly sendership: Sendership | null;
  readonly clock: Clock;
  readonly circuit: Circuit;
  /** What is counted to keep a limit is as if it were just used up: the one before may have done so. */
  readonly emptyBuckets: () => void;
};

export type DutyStatus = CircuitStatus & {
  /** Id of the relay that sends; null: nobody was heard of who does; absent: the buffer is this relay's alone. */
  readonly sender?: string | null;
};

/** What changes with every answer is not noted with every answer. */
const NOTE_AGAIN_MS = 2_000;

export class Duty {
  readonly #options: DutyOptions;
  #on: boolean;
  #lastNote: string | null = null;
  #lastSaid = '';
  #notedAt = Number.NEGATIVE_INFINITY;

  constructor(options: DutyOptions) {
    this.#options = options;
    this.#on = options.sendership === null;
  }

  /** Ask before anything is started. */
  on(): boolean {
    const { sendership } = this.#options;
    if (!sendership) return true;
    const sender = sendership.sender();
    if (sender === 'this' && !this.#on) this.#begin(sendership);
    else if (sender !== 'this') this.#on = false;
    return this.#on;
  }

  /** What is in hand is another relay's to send. */
  get relieved(): boolean {
    return this.#options.sendership?.sender() === 'another';
  }

  /** The circuit may have changed. */
  changed(): void {
    const { sendership, circuit, clock } = this.#options;
    if (!sendership || !this.#on) return;
    const note = circuit.note();
    const said = [note.state, note.failures, note.lastError?.at, note.limit?.rate].join(' ');
    if (said === this.#lastSaid && clock.monotonic() - this.#notedAt < NOTE_AGAIN_MS) return;
    this.#lastSaid = said;
    this.#note(sendership, note);
  }

  /** As it is, whichever relay sends. */
  status(): DutyStatus {
    const { sendership, circuit, clock } = this.#options;
    const own = circuit.status();
    if (!sendership) return own;
    const told = sendership.sender();
    const noted = sendership.noted();
    const note = noted && readNote(noted.text);
    const sender = senderOf(told, sendership.relay, note);
    // Nobody heard of another one since its last note: what it knows itself is the newest.
    const newest = told !== 'another' && noted?.text === this.#lastNote;
    if (!noted || !note || newest || (told === 'this' && this.#on)) return { ...own, sender };
    return { ...statusOf(note, noted.ageMs, clock.now()), sender };
  }

  /** The requests have ended. */
  async end(): Promise<void> {
    const { sendership, circuit } = this.#options;
    if (!sendership) return;
    if (this.#on) this.#note(sendership, circuit.note());
    await sendership.resign();
  }

  #begin(sendership: Sendership): void {
    const { circuit, emptyBuckets } = this.#options;
    this.#on = true;
    const noted = sendership.noted();
    // The buffer was away for a moment, and nobody sent meanwhile.
    const goesOn = noted !== null && noted.text === this.#lastNote;
    if (!goesOn) {
      const note = noted && readNote(noted.text);
      if (note) circuit.goOnFrom(note, noted.ageMs);
      emptyBuckets();
    }
    this.#note(sendership, circuit.note());
  }

  #note(sendership: Sendership, note: CircuitNote): void {
    // The name tells whether anybody sent in between, and the others who it is.
    this.#lastNote = writeNote(note, sendership.relay);
    this.#notedAt = this.#options.clock.monotonic();
    sendership.note(this.#lastNote);
  }
}

/** Another one is known by its note, which it writes as soon as it begins; until then the newest may be our own. */
function senderOf(told: Sender, relay: string, note: SenderNote | null): string | null {
  if (told === 'this') return relay;
  return told === 'another' && note && note.by !== relay ? note.by : null;
}
