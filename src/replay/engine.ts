/**
 * Replays at work: one at a time, oldest first, in a lane behind live traffic.
 *
 *   asked ──checked, counted, on disk──▶ waits its turn ──▶ at work ──selection at its end──▶ (its events leave) ──▶ done
 *                                             └───────── cancel ─────────┴──────────▶ cancelled
 *
 * Behind live traffic means: small steps; a rest as long as the step took; none while accepting or mapping is busy; and no more
 * events queued while so many of the same source wait already, live ones or replayed ones, so that a live event waits behind one
 * window of replayed ones at most. Nothing is remembered here that matters: where a replay is stands in the buffer, and a step is
 * all or nothing (buffer/replaying.ts, promise 13).
 */
import type { BufferKeeper, MappedDelivery } from '../buffer/contract.ts';
import type { ReplayItem, ReplayRecord, RunningReplay, SelectedItems, SelectedLetter } from '../buffer/replaying.ts';
import { type Clock, newId } from '../clock.ts';
import type { ShapeContext, Shaped } from '../destinations/contract.ts';
import type { Delivery, Route } from '../model.ts';
import { type DryRun, lookAhead } from './dry-run.ts';
import { countAll, type Looking } from './looking.ts';
import { editedEvent, eventOfLetter, type Resendable } from './resend.ts';
import { checkRequest, ReplayRefusedError, type ReplayRequest } from './selection.ts';

export type ReplaysOptions = {
  readonly buffer: Pick<
    BufferKeeper,
    | 'addReplay'
    | 'cancelReplay'
    | 'countSelected'
    | 'delivery'
    | 'ready'
    | 'replay'
    | 'replayStep'
    | 'selectItems'
    | 'unfinishedReplays'
  >;
  readonly clock: Clock;
  /** With today's mappings, in order. Rejects when no evaluator can be had: then it is asked again. */
  readonly map: (deliveries: readonly Delivery[]) => Promise<readonly MappedDelivery[]>;
  readonly shape: (output: unknown, context: ShapeContext, destination: string) => Shaped;
  /** Those there are now, with the age past which each takes no event. */
  readonly destinations: () => ReadonlyMap<string, { readonly eventAgeMaxMs: number | null }>;
  /** True while accepting or mapping needs the machine. */
  readonly busy: () => boolean;
  /** Other relays work on the same buffer: they may be at the same replay, and have edited copies of their own. */
  readonly shared?: boolean;
  readonly hooks?: ReplayHooks;
};

/** For the log. They must not throw. */
export type ReplayHooks = {
  began?(replay: Pick<ReplayRecord, 'id' | 'mode' | 'selection' | 'count' | 'by'>): void;
  /** Its selection is at its end, or it was cancelled. */
  ended?(replay: ReplayRecord): void;
  trouble?(doing: string, error: unknown): void;
};

/**
 * Of who asks for a replay. Aborted before `storing` was called, it rejects and certainly never begins; `storing` is called with
 * its id just before it is kept, and from then on only the buffer knows.
 */
export type Patience = { readonly over: AbortSignal; readonly storing: (id: string) => void };

export interface Replays extends AsyncDisposable {
  /** Changes nothing. Rejects with a ReplayRefusedError. */
  dryRun(request: ReplayRequest, over?: AbortSignal): Promise<DryRun>;
  /** On disk when it resolves. Rejects with a ReplayRefusedError. */
  start(
    request: ReplayRequest,
    by: string,
    patience?: Patience,
  ): Promise<{ readonly id: string; readonly count: number }>;
  /** What it queued goes on. */
  cancel(id: string): Promise<'cancelled' | 'ended' | 'unknown'>;
}

/** Deliveries of one reading, and the bytes of their bodies. */
const PIECE_ITEMS = 32;
const PIECE_BYTES_MAX = 1024 * 1024;
/** Rows of one step, about; one delivery is never cut. */
const STEP_ROWS = 250;
/**
 * Events that may wait, of one source, when more are queued. Measured: beside 160 webhooks/s, a replay of 10,000 added 2 % to the
 * time until these were delivered (p99) with 400, and 5 % with 1,000.
 */
const WINDOW_EVENTS = 500;
const WINDOW_POLL_MS = 50;
const REST_MIN_MS = 2;
const REST_MAX_MS = 1_000;
/** An item whose events are being sent just now is tried again, so often. */
const BUSY_TRIES = 30;
const BUSY_WAIT_MS = 1_000;
/** New replays ring; this is for the ring that got lost. */
const IDLE_MS = 30_000;
/** So long an edited copy is left to the relay that was given it; then that must have ended. */
const EDIT_MS = 60_000;
const BACKOFF_BASE_MS = 100;
const BACKOFF_MAX_MS = 5_000;
/** Time a stop gives the step in hand; one that is cut off is done whole or not at all. */
const STOP_MAX_MS = 2_000;
const ROUTES: readonly Route[] = ['event', 'profile', 'profile_once', 'group', 'group_once'];

export function createReplays(options: ReplaysOptions): Replays {
  return new Engine(options);
}

/** An item with what it weighs and whose events it queues. */
type Weighed = { readonly item: ReplayItem; readonly rows: number; readonly source: string | null };

class Engine implements Replays {
  readonly #options: ReplaysOptions;
  readonly #looking: Looking;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  readonly #edits = new Map<string, { readonly event: unknown }>();
  #wake = new AbortController();
  /** The replay at work, and what ends its work. */
  #current: { readonly id: string; readonly cancelled: AbortController } | null = null;

  constructor(options: ReplaysOptions) {
    const { buffer, map, clock } = options;
    this.#options = options;
    this.#looking = {
      ...{ buffer, map },
      resendable: (item, edit) => this.#resendable(item, edit),
      now: () => clock.now(),
      eventAgeMaxMs: () => {
        const ages = [...options.destinations().values()].flatMap(({ eventAgeMaxMs: age }) =>
          age === null ? [] : [age],
        );
        return ages.length === 0 ? null : Math.min(...ages);
      },
    };
    this.#done = this.#run();
  }

  async dryRun(request: ReplayRequest, over?: AbortSignal): Promise<DryRun> {
    checkRequest(request);
    return await lookAhead(request, { ...this.#looking, ...(over === undefined ? null : { over }) });
  }

  async start(request: ReplayRequest, by: string, patience?: Patience): Promise<{ id: string; count: number }> {
    checkRequest(request);
    const { mode, edit } = request;
    const selection = edit === undefined ? request.selection : await this.#checkedEdit(request, edit);
    const { buffer } = this.#options;
    const count = await countAll({ mode, selection }, patience ? { buffer, over: patience.over } : { buffer });
    const createdAt = this.#options.clock.now();
    const id = newId('rpl', createdAt);
    patience?.over.throwIfAborted();
    patience?.storing(id);
    if (edit !== undefined) this.#edits.set(id, edit);
    const added = await buffer.addReplay({ id, mode, selection, count, by, createdAt }).catch((error) => {
      this.#edits.delete(id);
      throw error;
    });
    if (added === 'too_many') {
      this.#edits.delete(id);
      throw new ReplayRefusedError('too_many', 'Too many replays are under way: wait for one to end, or cancel one.');
    }
    this.#tell(() => this.#options.hooks?.began?.({ id, mode, selection, count, by }));
    this.#wake.abort();
    return { id, count };
  }

  async cancel(id: string): Promise<'cancelled' | 'ended' | 'unknown'> {
    const cancelled = await this.#options.buffer.cancelReplay(id);
    this.#edits.delete(id);
    if (this.#current?.id === id) this.#current.cancelled.abort();
    if (cancelled) {
      await this.#ended(id);
      return 'cancelled';
    }
    return (await this.#options.buffer.replay(id)) === null ? 'unknown' : 'ended';
  }

  /** Leaves the replay at work where it is; it goes on with the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const enough = new AbortController();
    await Promise.race([this.#done, this.#options.clock.wait(STOP_MAX_MS, enough.signal)]);
    enough.abort();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      const unfinished = await this.#insist('read', this.#stop.signal, () => this.#options.buffer.unfinishedReplays());
      const next = unfinished?.find((one) => !this.#isAnothers(one));
      if (next) await this.#work(next);
      else await this.#options.clock.wait(IDLE_MS, AbortSignal.any([this.#stop.signal, this.#wake.signal]));
    }
  }

  async #work(replay: RunningReplay): Promise<void> {
    const cancelled = new AbortController();
    this.#current = { id: replay.id, cancelled };
    const over = AbortSignal.any([this.#stop.signal, cancelled.signal]);
    // `from` is the place on disk; reading may be ahead of it, over what is not selected.
    let from = replay.place.from;
    let after = from;
    let tries = 0;
    while (!over.aborted) {
      await this.#waitWhile(() => this.#options.busy(), over);
      const beganAt = this.#options.clock.monotonic();
      const asked = { mode: replay.mode, selection: replay.selection, after, upTo: replay.place.upTo };
      const piece = await this.#insist('read', over, () =>
        this.#options.buffer.selectItems({ ...asked, limit: PIECE_ITEMS, bytesMax: PIECE_BYTES_MAX }),
      );
      const items = piece && (await this.#insist('map', over, () => this.#itemsOf(replay, piece, tries)));
      if (!piece || !items) break;
      const tookMs = this.#options.clock.monotonic() - beganAt;
      const place = await this.#commit(replay.id, from, items, piece, over);
      if (place === null || place.ended) break;
      // When the place has moved another relay was there first, and the next item is another one.
      tries = place.busy && place.from === from ? tries + 1 : 0;
      from = place.from;
      after = place.busy ? from : Math.max(from, piece.cursor);
      await this.#options.clock.wait(place.busy ? BUSY_WAIT_MS : restFor(tookMs), over);
    }
    this.#current = null;
    this.#edits.delete(replay.id);
    if (!this.#stop.signal.aborted && !cancelled.signal.aborted) await this.#ended(replay.id);
  }

  #isAnothers({ id, selection, createdAt }: RunningReplay): boolean {
    const { shared = false, clock } = this.#options;
    const edited = 'ids' in selection && selection.edited === true;
    return shared && edited && !this.#edits.has(id) && clock.now() - createdAt < EDIT_MS;
  }

  /** What was read, in steps. Null: it is over, here or in the buffer. */
  async #commit(
    replay: string,
    place: number,
    items: readonly Weighed[],
    piece: SelectedItems,
    over: AbortSignal,
  ): Promise<{ readonly from: number; readonly ended: boolean; readonly busy: boolean } | null> {
    let from = place;
    const steps = inSteps(items);
    if (steps.length === 0 && !piece.ended) return { from, ended: false, busy: false };
    if (steps.length === 0) steps.push([]);
    for (const [index, step] of steps.entries()) {
      await this.#windowOpen(replay, step, over);
      if (over.aborted) return null;
      const last = index === steps.length - 1;
      const to = last ? piece.cursor : (step.at(-1)?.item.cursor ?? from);
      const asked = { replay, from, items: step.map(({ item }) => item), to, ended: last && piece.ended };
      const done = await this.#insist('commit', over, () => this.#options.buffer.replayStep(asked));
      if (done?.record.state !== 'running') return null;
      if (!done.record.selecting) return { from: done.record.place.from, ended: true, busy: false };
      // Less than was asked for: the next one's events are being sent, or the step had been done before.
      if (done.items < step.length) return { from: done.record.place.from, ended: false, busy: true };
      from = done.record.place.from;
    }
    return { from, ended: false, busy: false };
  }

  async #itemsOf(replay: RunningReplay, piece: SelectedItems, tries: number): Promise<readonly Weighed[]> {
    if (replay.mode === 'resend') {
      const edit = this.#edits.get(replay.id);
      const edited = 'ids' in replay.selection && replay.selection.edited === true;
      return piece.letters.map((letter) => this.#resendItem(letter, edited, edit));
    }
    const able = piece.deliveries.flatMap(({ delivery, hasBody }) => (delivery && hasBody ? [delivery] : []));
    const mapped = new Map((await this.#options.map(able)).map((one) => [one.delivery.id, one]));
    return piece.deliveries.map(({ cursor, id, hasBody, delivery }, index): Weighed => {
      const one = mapped.get(id);
      const failed = (message: string): Weighed => ({
        item: { kind: 'failed', cursor, message },
        rows: 1,
        source: null,
      });
      if (!delivery) return failed(`${id} is not kept any more.`);
      if (!one)
        return failed(`The body of ${id} was not kept${hasBody ? ' but masked, where today’s mapping reads' : ''}.`);
      if (index === 0 && tries >= BUSY_TRIES)
        return failed(`Events of ${id} are being sent just now: replay it again.`);
      const rows = 1 + one.events.length + one.dead.length;
      return { item: { kind: 'remap', cursor, mapped: one }, rows, source: delivery.source };
    });
  }

  #resendItem(item: SelectedLetter, edited: boolean, edit: { readonly event: unknown } | undefined): Weighed {
    const { cursor, id, letter } = item;
    const found: Resendable =
      edited && edit === undefined
        ? { problem: `The relay ended before the edited copy of ${id} was queued: edit it again.` }
        : this.#resendable(item, edit);
    if ('problem' in found) {
      const message = `${id}: ${found.problem}`;
      return { item: { kind: 'failed', cursor, message }, rows: 1, source: null };
    }
    const source = letter?.source ?? null;
    return { item: { kind: 'resend', cursor, letter: id, event: found.event, edited }, rows: 2, source };
  }

  #resendable({ letter }: SelectedLetter, edit?: { readonly event: unknown }): Resendable {
    if (letter === null) return { problem: 'It is not there any more.' };
    const destinations = new Set(this.#options.destinations().keys());
    if (edit === undefined) return eventOfLetter(letter, destinations);
    const { shape, clock } = this.#options;
    return editedEvent(letter, edit.event, { destinations, shape, now: clock.now() });
  }

  /** An edited event that breaks a rule is refused at once, not when its turn comes. */
  async #checkedEdit({ mode, selection }: ReplayRequest, edit: { readonly event: unknown }) {
    const ids = 'ids' in selection ? selection.ids : [];
    const found = await this.#options.buffer.selectItems({
      mode,
      selection,
      after: 0,
      limit: 1,
      bytesMax: PIECE_BYTES_MAX,
    });
    const item = found.letters[0];
    const resendable: Resendable = item ? this.#resendable(item, edit) : { problem: 'It is not there any more.' };
    if ('problem' in resendable) throw new ReplayRefusedError('bad_edit', resendable.problem);
    return { ids, edited: true } as const;
  }

  /** Of each source of the step, few enough events wait: those that live traffic left, and those that replays queued. */
  async #windowOpen(replay: string, step: readonly Weighed[], over: AbortSignal): Promise<void> {
    const sources = new Set(step.flatMap(({ source }) => (source === null ? [] : [source])));
    if (sources.size === 0) return;
    await this.#waitWhile(
      () => this.#options.busy() || [...sources].some((one) => this.#readyOf(one) >= WINDOW_EVENTS),
      over,
    );
    // What is leased is not ready, and is not sent either.
    while (!over.aborted) {
      const record = await this.#insist('read', over, () => this.#options.buffer.replay(replay));
      if (!record || record.waiting < WINDOW_EVENTS) return;
      await this.#options.clock.wait(WINDOW_POLL_MS, over);
    }
  }

  #readyOf(source: string): number {
    let most = 0;
    for (const destination of this.#options.destinations().keys()) {
      let ready = 0;
      for (const route of ROUTES) ready += this.#options.buffer.ready(destination, route).get(source) ?? 0;
      most = Math.max(most, ready);
    }
    return most;
  }

  async #waitWhile(isSo: () => boolean, over: AbortSignal): Promise<void> {
    while (!over.aborted && isSo()) await this.#options.clock.wait(WINDOW_POLL_MS, over);
  }

  /** Again and again with backoff, until it works or it is over (null). */
  async #insist<T>(doing: string, over: AbortSignal, action: () => Promise<T>): Promise<T | null> {
    for (let attempt = 0; !over.aborted; attempt++) {
      try {
        return await action();
      } catch (error) {
        if (over.aborted) return null;
        this.#tell(() => this.#options.hooks?.trouble?.(doing, error));
        await this.#options.clock.wait(Math.min(BACKOFF_BASE_MS * 2 ** Math.min(attempt, 10), BACKOFF_MAX_MS), over);
      }
    }
    return null;
  }

  async #ended(id: string): Promise<void> {
    const record = await this.#options.buffer.replay(id).catch(() => null);
    if (record) this.#tell(() => this.#options.hooks?.ended?.(record));
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch {
      // A log that fails must not stop a replay.
    }
  }
}

function restFor(tookMs: number): number {
  return Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, tookMs));
}

function inSteps(items: readonly Weighed[]): Weighed[][] {
  const steps: Weighed[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  for (const one of items) {
    if (rows + one.rows > STEP_ROWS) {
      steps.push([]);
      rows = 0;
    }
    steps.at(-1)?.push(one);
    rows += one.rows;
  }
  return steps;
}
