/**
 * The sending stage of one destination: takes events out of the buffer, sends them in batches and settles what became of
 * them. It keeps no state that matters: whatever it holds is leased, and comes back when it dies.
 *
 *   leased → in hand → in flight → settled (delivered | dead) or given back
 *                ↑          │ retry: the same batch again, after everybody waited
 *                └──────────┘ split: two halves instead; partial: those that are to go again
 */
import { newId } from '../clock.ts';
import type { SendResult } from '../destinations/contract.ts';
import type { LeasedEvent, Outcome } from '../model.ts';
import { type Batch, byEndpoint, bytesOf, cut, packBatches } from './batch.ts';
import { type Bell, createBell } from './bell.ts';
import { Circuit, type Load } from './circuit.ts';
import { Conclusion } from './conclusion.ts';
import { Credit } from './credit.ts';
import { Custody } from './custody.ts';
import { Duty, type DutyStatus } from './duty.ts';
import { Expiry } from './expiry.ts';
import { explain, failedSending } from './explain.ts';
import { Hand } from './hand.ts';
import { type ForwardHooks, tell } from './hooks.ts';
import { concludeOnce } from './once.ts';
import type { ForwarderOptions } from './options.ts';
import { IDLE_MS } from './queue.ts';
import { Queues } from './queues.ts';
import type { Answered } from './throttle.ts';
import { within } from './within.ts';

export type { ForwarderOptions } from './options.ts';

export type ForwarderStatus = DutyStatus & { readonly inFlight: number };

export type Forwarder = AsyncDisposable & {
  start(): void;
  /** No new requests; those in flight get `stopGraceMs`, then are cut off; everything unsettled is given back. */
  stop(): Promise<void>;
  status(): ForwarderStatus;
};

const STOP_GRACE_MS = 5000;
/** For settling and giving back after the requests ended. */
const STOP_SETTLE_MS = 2000;
const LEASE_FAILED_MS = 1000;
/** Another relay takes over by itself when this one cannot say so. */
const RESIGN_MS = 500;
/** A batch this much larger than what can go at once is cut; a rate that moves a little cuts nothing. */
const CUT_FACTOR = 2;
const NOTHING: Load = { events: 0, bytes: 0 };
const NO_EVENTS: Answered = { events: 0, durationMs: 0 };

export function createForwarder(options: ForwarderOptions): Forwarder {
  return new Lane(options);
}

class Lane implements Forwarder {
  readonly #options: ForwarderOptions;
  readonly #hooks: ForwardHooks;
  readonly #bell: Bell;
  readonly #circuit: Circuit;
  readonly #duty: Duty;
  readonly #custody: Custody;
  readonly #queues: Queues;
  readonly #expiry: Expiry;
  readonly #conclusion: Conclusion;
  readonly #credit: Credit;
  readonly #sizeOf: (event: LeasedEvent) => number;
  readonly #newBatchId: () => string;
  /** No new requests. */
  readonly #halt = new AbortController();
  /** No requests at all. */
  readonly #cutOff = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** With what is in flight at most `concurrency` full batches and one more. */
  readonly #hand = new Hand();
  #inFlight = 0;
  /** The last failure was one that leaves open what was taken: ask before risking an update that goes once. */
  #askFirst = false;
  #stopped: Promise<void> | null = null;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(options: ForwarderOptions) {
    const { batch, buffer, clock, destination, leaseMs } = options;
    this.#options = options;
    this.#hooks = options.hooks ?? {};
    this.#bell = createBell(clock);
    this.#circuit = new Circuit({
      ...{ clock, concurrency: options.concurrency, retry: options.retry, eventsMax: batch.eventsMax },
      ...(options.ceilings ? { ceilings: options.ceilings } : null),
    });
    this.#custody = new Custody(buffer, destination.name, clock, this.#hooks);
    const { eventsMax, lingerMs } = batch;
    const { name, eventAgeMaxMs } = destination;
    this.#queues = new Queues(
      {
        buffer,
        destination: name,
        clock,
        eventsMax,
        lingerMs,
        leaseMs,
        eventAgeMaxMs,
        weightOf: options.weightOf ?? (() => 1),
      },
      options.forwardRate,
    );
    this.#duty = new Duty({
      ...{ clock, circuit: this.#circuit, sendership: options.sendership ?? null },
      emptyBuckets: () => {
        this.#queues.emptyBuckets(clock.monotonic());
        options.ceilings?.empty(clock.monotonic());
      },
    });
    this.#expiry = new Expiry({
      clock,
      destination,
      custody: this.#custody,
      queues: this.#queues.all,
      giveUpAfterMs: options.giveUpAfterMs,
      bytesMax: batch.bytesMax,
      lastWords: () => this.#circuit.status().lastError?.message ?? null,
    });
    this.#sizeOf = (event) => destination.sizeOf(event);
    this.#newBatchId = () => newId('bat', clock.now());
    this.#credit = new Credit(destination.recognise?.bind(destination) ?? null, clock);
    this.#conclusion = new Conclusion({
      ...{ clock, leaseMs, retry: options.retry, bytesMax: batch.bytesMax },
      ...{ custody: this.#custody, hand: this.#hand, sizeOf: this.#sizeOf, newBatchId: this.#newBatchId },
      circuitWaitMs: () => this.#circuit.waitMs(),
    });
  }

  start(): void {
    if (this.#unsubscribe.length > 0 || this.#stopping()) return;
    const { buffer, sendership } = this.#options;
    this.#unsubscribe.push(buffer.onWork(() => this.#bell.ring()));
    if (sendership) this.#unsubscribe.push(sendership.onChange(() => this.#bell.ring()));
    this.#track(this.#run());
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  status(): ForwarderStatus {
    return { ...this.#duty.status(), inFlight: this.#inFlight };
  }

  #stopping(): boolean {
    return this.#halt.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#stopping()) {
      const waitMs = await this.#step();
      if (waitMs > 0 && !this.#stopping()) await this.#bell.sleep(waitMs);
    }
  }

  /** Starts at most one request. Answers how long to sleep before the next step; 0: none. */
  async #step(): Promise<number> {
    if (!this.#duty.on()) {
      // Another relay sends it as soon as it is given back.
      if (this.#duty.relieved) await this.#conclusion.releaseHand();
      return IDLE_MS;
    }
    const circuitWait = this.#circuit.waitMs();
    if (circuitWait > 0) return circuitWait;
    if (this.#credit.due(this.#circuit.answering)) this.#startAsking();
    const creditWait = this.#credit.waitMs();
    if (creditWait > 0) return creditWait;
    if (this.#inFlight >= this.#circuit.slots()) return IDLE_MS;
    try {
      if (!this.#circuit.answering) await this.#expiry.sweep(() => this.#stopping());
      const waitMs = await this.#fillHand();
      if (this.#stopping() || !this.#duty.on()) return 0;
      // An answer may have come meanwhile.
      if (this.#circuit.waitMs() > 0 || this.#inFlight >= this.#circuit.slots()) return 0;
      const batch = this.#nextInHand();
      if (!batch) return waitMs;
      const paceMs = this.#circuit.paceMs(loadOf(batch));
      if (paceMs > 0) {
        this.#hand.putBack(batch);
        return paceMs;
      }
      if (batch.once && this.#askFirst && !this.#circuit.answering && this.#options.destination.probe) {
        this.#hand.putBack(batch);
        return this.#startProbe();
      }
      this.#start(batch);
      return 0;
    } catch (error) {
      // The store did not give or take; it says itself when it failed for good.
      tell(() => this.#hooks.trouble?.('lease', error));
      // Not the bell: new work would ring it and the store be asked without a rest.
      await this.#options.clock.wait(LEASE_FAILED_MS, this.#halt.signal);
      return 0;
    }
  }

  /** What was packed when more could go at once is cut to what can go now. */
  #nextInHand(): Batch | null {
    const now = this.#options.clock.monotonic();
    const batch = this.#hand.next(now);
    const eventsMax = this.#circuit.eventsMax();
    if (!batch || batch.events.length <= CUT_FACTOR * eventsMax) return batch;
    for (const part of cut(batch, eventsMax, this.#sizeOf, this.#newBatchId).toReversed()) this.#hand.putBack(part);
    return this.#hand.next(now);
  }

  /** Makes sure something can be sent, if there is anything; else answers how long there will be nothing. */
  async #fillHand(): Promise<number> {
    const { clock, concurrency, batch, leaseMs } = this.#options;
    const now = clock.monotonic();
    const handWait = this.#hand.waitMs(now) ?? IDLE_MS;
    // One batch is enough to ask a destination that does not answer; ten in memory would only be ten in memory.
    const heldMax = (this.#circuit.answering ? concurrency : 1) * batch.eventsMax;
    if (handWait === 0 || this.#hand.held >= heldMax) return handWait;
    const eventsMax = Math.min(batch.eventsMax, this.#circuit.eventsMax());
    const room = { eventsMax, bytesMax: this.#leaseBytesMax(eventsMax) };
    const taken = await this.#queues.take(room, this.#circuit.answering);
    if ('waitMs' in taken) return Math.min(handWait, taken.waitMs);
    const young = await this.#expiry.buryUnsendable(taken.events);
    const sized = await this.#expiry.buryLarge(young);
    const bounds = { eventsMax, bytesMax: this.#conclusion.bytesMax };
    this.#hand.add(packBatches(sized, bounds, now + leaseMs, this.#newBatchId));
    // Nothing left when all of them were buried: then look again at once.
    return 1;
  }

  /** The buffer counts the events' own bytes; room is left for what the destination adds to each. */
  #leaseBytesMax(eventsMax: number): number {
    const added = this.#options.destination.sizeOf({ json: '' }) * eventsMax;
    const { bytesMax } = this.#conclusion;
    return Math.max(bytesMax - added, Math.ceil(bytesMax / 2));
  }

  #start(batch: Batch): void {
    this.#inFlight++;
    const ticket = this.#circuit.begin(loadOf(batch));
    this.#track(
      this.#attempt(batch, ticket).finally(() => {
        this.#inFlight--;
        this.#hand.sent(batch);
        this.#bell.ring();
      }),
    );
  }

  #startProbe(): number {
    const { destination } = this.#options;
    this.#inFlight++;
    const ticket = this.#circuit.begin(NOTHING);
    const asked = async () => {
      const outcome = (await destination.probe?.()) ?? { kind: 'delivered' };
      this.#turn(ticket, outcome, NO_EVENTS);
    };
    const failed = (error: unknown) => this.#turn(ticket, failedSending(error), NO_EVENTS);
    this.#track(
      asked()
        .catch(failed)
        .finally(() => {
          this.#inFlight--;
          this.#bell.ring();
        }),
    );
    return 0;
  }

  /** Beside what is sent: it says nothing of events. */
  #startAsking(): void {
    const ticket = this.#circuit.begin(NOTHING);
    const asked = async () => {
      const outcome = await this.#credit.ask(this.#cutOff.signal);
      if (outcome !== null) this.#turn(ticket, outcome, NO_EVENTS);
      // Nothing is leased to be sent while it is refused, yet events grow too old.
      if (outcome !== null && !this.#circuit.answering) await this.#expiry.sweep(() => this.#stopping());
    };
    this.#track(asked().finally(() => this.#bell.ring()));
  }

  async #attempt(batch: Batch, ticket: number): Promise<void> {
    const ready = await this.#readyToSend(batch);
    if (ready === null) {
      // Nothing was sent: the circuit learns nothing, and a half-open one lets the next try.
      return;
    }
    if (ready.once && !(await this.#custody.begin(ready.events))) {
      return await this.#custody.release(ready.events, false);
    }
    // Keeping the lease took time. What was begun is so no more.
    if (!this.#duty.on()) {
      return ready.once ? await this.#custody.release(ready.events, true) : this.#hand.putFirst([ready]);
    }
    const result = await this.#send(ready);
    ready.attempts++;
    this.#report(ready, result);
    const { outcome } = result;
    // Cut off by us: it says nothing about the destination.
    const cutOff = this.#cutOff.signal.aborted && outcome.kind === 'retry';
    this.#credit.noted(outcome);
    if (!cutOff) this.#turn(ticket, outcome, { events: ready.events.length, durationMs: result.durationMs });
    if (ready.once) {
      if (outcome.kind === 'pause') await this.#conclusion.releaseHand();
      return await concludeOnce(ready, outcome, this.#custody);
    }
    if (cutOff) return await this.#custody.release(ready.events, true);
    await this.#conclusion.reach(ready, outcome);
  }

  /** Age and lease are looked at before every request, not only the first. */
  async #readyToSend(batch: Batch): Promise<Batch | null> {
    const { clock, leaseMs } = this.#options;
    const left = batch.leaseEndsAt - clock.monotonic();
    // Too late: someone else may have them.
    if (left <= 0) return null;
    if (left < leaseMs / 2) {
      if (!(await this.#custody.extend(batch.events, leaseMs))) return null;
      batch.leaseEndsAt = clock.monotonic() + leaseMs;
    }
    if (batch.attempts === 0) return this.#ofOneEndpoint(batch);
    const events = await this.#expiry.buryOld(batch.events, batch.attempts);
    if (events.length === batch.events.length) return this.#ofOneEndpoint(batch);
    return events.length > 0 ? this.#ofOneEndpoint({ ...batch, events, bytes: bytesOf(events, this.#sizeOf) }) : null;
  }

  /** While it waited some may have turned too old for where the others go: they become a batch of their own. */
  #ofOneEndpoint(batch: Batch): Batch {
    const { clock, destination } = this.#options;
    const now = clock.now();
    const endpointOf = (event: LeasedEvent) => destination.endpointOf?.(event, now) ?? '';
    const [first = batch, ...others] = byEndpoint(batch, endpointOf, this.#sizeOf, this.#newBatchId);
    this.#hand.putFirst(others);
    return first;
  }

  async #send(batch: Batch): Promise<SendResult> {
    try {
      return await this.#options.destination.send(batch.events, this.#cutOff.signal);
    } catch (error) {
      tell(() => this.#hooks.trouble?.('send', error));
      return { outcome: failedSending(error), status: null, durationMs: 0, bytes: batch.bytes };
    }
  }

  #turn(ticket: number, outcome: Outcome, answered: Answered): void {
    this.#askFirst = outcome.kind === 'retry' && outcome.notTaken !== true;
    const from = this.#circuit.status().state;
    this.#circuit.settle(ticket, outcome, answered);
    const to = this.#circuit.status().state;
    this.#duty.changed();
    if (from === to) return;
    const { reason, message } = explain(outcome);
    tell(() => this.#hooks.turned?.({ from, to, reason, message }));
  }

  #report(batch: Batch, { outcome, status, durationMs, bytes }: SendResult): void {
    const { id, events, attempts } = batch;
    const destination = this.#options.destination.name;
    const smooth = outcome.kind === 'delivered' && attempts === 1;
    const positions = smooth ? [] : events.map(({ position }) => position);
    const about = { batch: id, destination, events: events.length, attempt: attempts, positions };
    tell(() =>
      this.#hooks.attempt?.({ ...about, bytes, status, outcome: outcome.kind, ...explain(outcome), durationMs }),
    );
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((error) => tell(() => this.#hooks.trouble?.('send', error)));
    this.#running.add(tracked);
    void tracked.finally(() => this.#running.delete(tracked));
  }

  async #stop(): Promise<void> {
    const { clock, stopGraceMs = STOP_GRACE_MS } = this.#options;
    this.#halt.abort();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#bell.ring();
    await within(clock, stopGraceMs, this.#idle());
    this.#cutOff.abort();
    await within(clock, STOP_SETTLE_MS, this.#idle());
    await within(clock, STOP_SETTLE_MS, this.#conclusion.releaseHand());
    await within(clock, RESIGN_MS, this.#duty.end());
  }

  async #idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}

function loadOf({ events, bytes }: Batch): Load {
  return { events: events.length, bytes };
}
