/**
 * How fast a destination is asked: found out from its answers, for a 429 costs a wait of seconds and is to be rare.
 *
 *   starting   no limit is known: requests in flight are the bound, one more with each answer
 *   refused    a 429: nothing goes until the wait is over; then what was taken says what the limit is (`limit.ts`)
 *   holding    at the rate that was found, from half of it to the whole in the first second, then a fifth more until what the
 *              limiter saved up in the wait is used; short while the rate is not sure
 *   climbing   past it, the excess doubling every second, until a 429 says what the limit is now
 *
 * starting → refused → holding → climbing → refused → holding → …; a refusal while holding says that the limit fell.
 * Holding and climbing take turns only while more waits than may go, so that a limit which rose is found within a minute.
 * Requests are cut so that there are twenty in a second: the traffic is even, and one refusal is one in a thousand.
 */
import { likelyLimit, nextBurst } from './limit.ts';
import { Taken } from './taken.ts';

/** Leaves time, within a minute, to climb to twice the rate, for most waits after the 429, and to come back. */
const HOLD_MS = 48_000;
/** While what was found is not sure: the next climb tells more. */
const UNSURE_HOLD_MS = 5_000;
/** Half way to where a climb was refused, long enough to use up what most limiters save up. */
const TRIAL_HOLD_MS = 8_000;
/** What a climb reached, of what was found, for that to be worth a try. */
const FAR = 1.4;
/** From half to whole. */
const RECOVERY_MS = 1_000;
const CLIMB_START = 0.05;
const CLIMB_DOUBLING_MS = 1_000;
/** Counts and times are a little off; a hold must not pass the limit. */
const MARGIN = 0.99;
/** A limiter that saves up nearly nothing refuses one request that comes a little early, and there are twenty in a second. */
const NARROW_MARGIN = 0.95;
const SPARE_MS = 250;
/** Of a rate that was refused while it was held. */
const PLAINLY_LESS = 0.97;
/** In less time what is saved up matters. */
const RUN_MS = 10_000;
/** After the wait so much more goes, until that share of what the limiter saves up is used. */
const SPEND = 0.2;
const SPENT = 0.7;
/** The shortest wait fills no more. */
const SPENT_MS_MAX = 2_000;
const REQUEST_EVERY_MS = 50;
/** While little is known: fewer requests rather than smaller ones, as long as those are taken. */
const EVENTS_MIN = 8;
/** One event in ten seconds: a relay that asks less often would never see that the limit rose. */
const RATE_MIN = 0.1;
/** Nobody asks more of us; a climb that meets nothing ends here. */
const RATE_MAX = 1_000_000;
/** Held back until then, or so lately: more waits than may go. */
const PRESSED_MS = 1_000;
/** Runs that are compared. */
const RUNS_MAX = 4;

/** Of the mean time of an answer, the share of the newest. */
const NEWEST = 0.2;

/** What the next relay that sends begins with. */
export type FoundLimit = {
  /** Events a second. */
  readonly rate: number;
  readonly burstMs: number | null;
  readonly sure: boolean;
};

export type Answered = { readonly events: number; readonly durationMs: number };

export type ThrottleOptions = {
  /** Requests in flight at most. */
  readonly concurrency: number;
  /** Of a full request. */
  readonly eventsMax: number;
  readonly now: number;
};

export class Throttle {
  readonly #concurrency: number;
  readonly #eventsMax: number;
  /** Of a request while no rate is known; lowered when even the first one was refused. */
  #cap: number;
  /** Events a second that are held; null: starting. */
  #rate: number | null = null;
  #refused = false;
  /** How long it has held and climbed since the last wait, on the clock of being pressed. */
  #heldMs = 0;
  /** Whether the rate is known well enough to be held for long. */
  #sure = false;
  /** Little is known, so much may be tried: no hold, and the climb begins from nothing. */
  #hasty = false;
  /** More waited than might go when it was refused. */
  #pressed = false;
  /** The run before was refused at its first request. */
  #atOnce = false;
  /** While more than was found is tried: what was found. */
  #fallback: number | null = null;
  /** Whether such a try is worth its 429: until one was in vain. */
  #bold = true;
  #burstMs: number | null = null;
  #runs: readonly Taken[] = [];
  #taken = new Taken();
  /** May be negative: a request goes when there is one left. */
  #tokens = 0;
  #filledAt: number;
  #pressedUntil = Number.NEGATIVE_INFINITY;
  #lastEvents = 0;
  /** What might have been in it. */
  #lastCap = 0;
  #answerMs = 0;

  constructor({ concurrency, eventsMax, now }: ThrottleOptions) {
    this.#concurrency = concurrency;
    this.#eventsMax = eventsMax;
    this.#cap = eventsMax;
    this.#filledAt = now;
  }

  /** Events a second at the moment; null: no limit is known. */
  get rate(): number | null {
    return this.#rate === null ? null : this.#rateAt(this.#heldMs, this.#rate);
  }

  /** Null: no limit was met. In the wait after a 429, what it tells by itself. */
  get found(): FoundLimit | null {
    const burstMs = this.#burstMs;
    const held = this.#fallback ?? this.#rate;
    if (!this.#refused) return held === null ? null : { rate: held, burstMs, sure: this.#sure };
    const told = this.#taken.any ? likelyLimit([this.#taken], burstMs).rate * MARGIN : 0;
    if (held === null && told === 0) return null;
    return { rate: Math.max(RATE_MIN, Math.min(held ?? told, told || (held ?? 0) / 4)), burstMs, sure: false };
  }

  /** Another relay sent until now: nothing is saved up, neither there nor here. */
  goOnFrom(limit: FoundLimit | null, now: number): void {
    this.#refused = false;
    this.#fallback = null;
    this.#hasty = false;
    this.#atOnce = false;
    this.#runs = [];
    this.#taken = new Taken();
    this.#rate = limit?.rate ?? null;
    this.#burstMs = limit?.burstMs ?? null;
    this.#sure = limit?.sure ?? false;
    this.#heldMs = RECOVERY_MS + this.#spendMs();
    this.#tokens = 0;
    this.#filledAt = now;
  }

  /** Of the next request. Ask only when the wait after a 429 is over. */
  eventsMax(now: number): number {
    this.#conclude(now);
    const { rate } = this;
    if (rate === null) return this.#cap;
    const least = this.#sure ? 1 : Math.min(EVENTS_MIN, this.#cap);
    return Math.min(this.#eventsMax, Math.max(least, Math.ceil((rate * this.#everyMs()) / 1000)));
  }

  /** Until the next request may start. Ask only when the wait after a 429 is over. */
  waitMs(now: number): number {
    this.#conclude(now);
    this.#fill(now);
    const { rate } = this;
    if (rate === null || this.#tokens >= 1) return 0;
    const waitMs = Math.ceil(((1 - this.#tokens) / rate) * 1000);
    this.#pressedUntil = now + waitMs + PRESSED_MS;
    return waitMs;
  }

  began(events: number, now: number): void {
    this.#conclude(now);
    this.#fill(now);
    this.#tokens -= events;
    this.#lastEvents = events;
    this.#lastCap = this.#cap;
  }

  /** `durationMs`: from the request to its answer. */
  delivered({ events, durationMs }: Answered, now: number): void {
    this.#answerMs += (durationMs - this.#answerMs) * NEWEST;
    if (events > 0) this.#taken.add(events, now - durationMs);
    if (!this.#refused) this.#cap = Math.min(this.#eventsMax, this.#cap * 2);
  }

  /** The first 429 after a time of good answers; those that were on their way with it say nothing new. */
  refused({ events, durationMs }: Answered, now: number): void {
    if (this.#refused) return;
    this.#fill(now);
    this.#pressed = this.#rate === null ? this.#lastEvents >= this.#lastCap : now <= this.#pressedUntil;
    this.#refused = true;
    // The first ones are too large for that.
    this.#taken.end(this.#rate === null ? 0 : events / 2, now - durationMs);
  }

  #rateAt(heldMs: number, rate: number): number {
    if (heldMs < RECOVERY_MS) return rate * (0.5 + heldMs / RECOVERY_MS / 2);
    return Math.min(Math.max(rate, RATE_MAX), rate * (1 + this.#excessAt(heldMs)));
  }

  #excessAt(heldMs: number): number {
    const climbedMs = heldMs - this.#holdMs();
    if (climbedMs < 0) return heldMs < RECOVERY_MS + this.#spendMs() ? SPEND : 0;
    const climbed = 2 ** (climbedMs / CLIMB_DOUBLING_MS);
    return this.#hasty ? climbed - 1 : CLIMB_START * climbed;
  }

  /** The wait has filled again what the limiter saves up. */
  #spendMs(): number {
    const burstMs = this.#sure ? (this.#burstMs ?? 0) : 0;
    return burstMs > SPARE_MS ? (SPENT * Math.min(burstMs, SPENT_MS_MAX)) / SPEND : 0;
  }

  #holdMs(): number {
    if (this.#hasty) return RECOVERY_MS;
    if (this.#fallback !== null) return TRIAL_HOLD_MS;
    return this.#sure ? HOLD_MS : UNSURE_HOLD_MS;
  }

  /** With slow answers requests are larger, or those in flight at once could not carry the rate. */
  #everyMs(): number {
    return Math.max(REQUEST_EVERY_MS, (2 * this.#answerMs) / this.#concurrency);
  }

  #fill(now: number): void {
    const passed = now - this.#filledAt;
    this.#filledAt = now;
    const { rate } = this;
    if (rate === null || passed <= 0 || this.#refused) return;
    const capacity = Math.max(1, (2 * rate * this.#everyMs()) / 1000);
    this.#tokens = Math.min(capacity, this.#tokens + (rate * passed) / 1000);
    if (now <= this.#pressedUntil) this.#heldMs += passed;
  }

  /** The wait is over: from what was taken until the 429 to the rate to go on with. */
  #conclude(now: number): void {
    if (!this.#refused) return;
    this.#refused = false;
    const held = this.#rate;
    if (!this.#taken.any) this.#refusedAtOnce(held);
    else if (!this.#pressed) this.#refusedUnpressed(held);
    else if (held === null) this.#refusedStarting();
    else if (this.#heldMs >= this.#holdMs()) this.#refusedClimbing(this.#rateAt(this.#heldMs, held));
    else if (this.#fallback !== null) this.#refusedTrying(this.#fallback);
    else this.#refusedHolding(held);
    if (this.#rate !== null) this.#rate = Math.max(RATE_MIN, this.#rate);
    if (this.#taken.any) this.#atOnce = false;
    this.#taken = new Taken();
    this.#heldMs = 0;
    this.#tokens = 1;
    this.#filledAt = now;
  }

  /** Not even one request was taken. Twice in a row it says nothing of a rate any more: begin anew, with a small request. */
  #refusedAtOnce(held: number | null): void {
    if (held !== null && !this.#atOnce) {
      this.#atOnce = true;
      this.#beginAnewFrom(held / 4);
      return;
    }
    this.#rate = null;
    this.#cap = Math.max(1, Math.floor(Math.min(this.#cap, this.#lastEvents) / 8));
  }

  /** Less was sent than might have been: it says little of the limit, and soon more is tried again. */
  #refusedUnpressed(held: number | null): void {
    this.#beginAnewFrom(held === null ? this.#taken.rate(0) : held / 2);
    this.#hasty = true;
  }

  /** A first guess, from large requests. */
  #refusedStarting(): void {
    this.#settle();
    this.#runs = [];
  }

  /** As it was meant: what was taken says what the limit is now. */
  #refusedClimbing(refusedAt: number): void {
    if (this.#fallback !== null) {
      // The try held: what was thought to be saved up was the limit.
      this.#fallback = null;
      this.#runs = [];
      this.#burstMs = 0;
    }
    this.#settle();
    if (this.#bold && refusedAt > (this.#rate ?? 0) * FAR) this.#tryMore(refusedAt);
  }

  /** A limiter that saves up nothing looks like a slower one that saves up much, until half way up was tried for long. */
  #tryMore(refusedAt: number): void {
    this.#fallback = this.#rate ?? 0;
    this.#rate = Math.sqrt(this.#fallback * refusedAt);
  }

  /** The try was in vain, and tells more than a climb of what is saved up. */
  #refusedTrying(fallback: number): void {
    this.#fallback = null;
    this.#bold = false;
    this.#settle();
    if (!this.#sure) this.#rate = fallback;
    this.#sure = true;
  }

  /** It was found a little too high; or the limit fell, of which only what is taken from now on tells. */
  #refusedHolding(held: number): void {
    this.#settle();
    if ((this.#rate ?? 0) > held * PLAINLY_LESS) {
      // What was taken in so short a time was saved up, and more of it than was thought.
      if (this.#heldMs < RUN_MS) this.#burstMs = nextBurst(this.#burstMs);
      this.#rate = held * PLAINLY_LESS;
    }
  }

  #settle(): void {
    const runs = [...this.#runs, this.#taken].slice(-RUNS_MAX);
    const limit = likelyLimit(runs, this.#burstMs);
    this.#runs = runs.slice(-limit.runs);
    if (limit.runs > 1) this.#burstMs = limit.burstMs;
    this.#rate = limit.rate * (limit.burstMs < SPARE_MS ? NARROW_MARGIN : MARGIN);
    this.#sure = limit.known;
    this.#hasty = false;
  }

  #beginAnewFrom(rate: number): void {
    this.#runs = [];
    this.#rate = rate;
    this.#sure = false;
    this.#hasty = false;
    this.#fallback = null;
  }
}
