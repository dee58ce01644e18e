/**
 * How fast a destination is asked: found out from its answers, for a 429 costs a wait of seconds and is to be rare.
 *
 *   starting   no limit is known: requests in flight are the bound, one more with each answer
 *   refused    a 429: nothing goes until the wait is over; then what was taken says what the limit is (`taken.ts`)
 *   creeping   little is known: from well below, up by 2 % a second, so that the next refusal tells more
 *   holding    at the rate that was found, from half of it to the whole in the first second
 *   climbing   past it, the excess doubling every second, until a 429 says what the limit is now
 *
 * starting → refused → creeping → refused → holding → climbing → refused → holding …; a refusal while holding says that the limit
 * fell. Holding and climbing take turns only while more waits than may go, so that a limit which rose is found within a minute.
 * Requests are cut so that there are twenty in a second: the traffic is even, and one refusal is one in a thousand.
 */
import { Taken } from './taken.ts';

/** Leaves time, within a minute, to climb to twice the rate, for most waits after the 429, and to come back. */
const HOLD_MS = 50_000;
/** A limit that has just been found rarely changes again at once; meanwhile nothing is lost to climbs. */
const LONG_HOLD_MS = 70_000;
/** Before the first climb, which shows what the limiter saves up. */
const FIRST_HOLD_MS = 8_000;
/** From half to whole. */
const RECOVERY_MS = 1_000;
const CREEP_PER_SECOND = 0.02;
const CREEP_MS = 20_000;
/** What a creep that met nothing has come to, and how soon that doubles from there. */
const CREPT = (CREEP_PER_SECOND * CREEP_MS) / 1_000;
const CREPT_DOUBLING_MS = 2_000;
/** While what was found means little. */
const HASTE_DOUBLING_MS = 1_000;
const CLIMB_START = 0.05;
const CLIMB_DOUBLING_MS = 1_000;
/** A refusal after a run so long says what the limit is, whatever the limiter saves up. */
const RUN_MS = 6_000;
/** Below the limit, so that a creep runs long enough. */
const CAUTIOUS = 0.8;
/** Counts and times are a little off; a hold must not pass the limit. */
const MARGIN = 0.99;
const REQUEST_EVERY_MS = 50;
/** While little is known: fewer requests rather than smaller ones, as long as those are taken. */
const EVENTS_MIN = 8;
/** One event in ten seconds: a relay that asks less often would never see that the limit rose. */
const RATE_MIN = 0.1;
/** Nobody asks more of us; a climb that meets nothing ends here. */
const RATE_MAX = 1_000_000;
/** Held back until then, or so lately: more waits than may go. */
const PRESSED_MS = 1_000;
/** What limiters save up, of a second's rate: mostly between nothing and a second. */
const BURST_GUESS_MS = 500;
const BURSTS_MS = [0, 250, 500, 1_000, 2_000, 4_000];
/** Two finds of the same limit differ by less than this factor. */
const AGREES = 1.15;
/** What a climb reached above what was found, so that it is worth a try whether the truth lies between. */
const FAR = 1.4;
/** Of a rate that was held: a limit this far below it cannot be. */
const PLAINLY_LESS = 0.95;
/** Nearer than this two bursts are not told apart; the smaller one is taken, for a hold soon shows that it is too small. */
const NEAR = 0.015;
/** A little more after each hold that lasted: what was found too low does not stay so. */
const NUDGE = 1.02;
const DOUBTS_MAX = 3;

/** Of the mean time of an answer, the share of the newest. */
const NEWEST = 0.2;

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
  /** Whether the rate is known well enough to be held. */
  #settled = false;
  /** Creeping without the patience. */
  #hasty = false;
  /** More waited than might go when it was refused. */
  #pressed = false;
  /** What the limiter seems to save up, and whether two different runs agreed on it. */
  #burstMs = 0;
  #burstKnown = false;
  /** Found in the run before. */
  #fresh = false;
  /** While more than the rate that was found is tried: that rate. */
  #fallback: number | null = null;
  #bold = true;
  #boldness = 0;
  /** The run before was refused at its first request. */
  #atOnce = false;
  /** Holds in a row that did not last. */
  #doubts = 0;
  #taken = new Taken();
  /** The run that found the rate. */
  #witness: Taken | null = null;
  /** May be negative: a request goes when there is one left. */
  #tokens = 0;
  #filledAt: number;
  #pressedUntil = Number.NEGATIVE_INFINITY;
  #lastEvents = 0;
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

  /** Of the next request. Ask only when the wait after a 429 is over. */
  eventsMax(now: number): number {
    this.#conclude(now);
    const { rate } = this;
    if (rate === null) return this.#cap;
    const least = this.#settled ? 1 : Math.min(EVENTS_MIN, this.#cap);
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
  }

  /** `durationMs`: from the request to its answer. */
  delivered({ events, durationMs }: Answered, now: number): void {
    this.#answerMs += (durationMs - this.#answerMs) * NEWEST;
    if (events > 0) this.#taken.add(events, now);
    if (!this.#refused) this.#cap = Math.min(this.#eventsMax, this.#cap * 2);
  }

  /** The first 429 after a time of good answers; those that were on their way with it say nothing new. */
  refused(now: number): void {
    if (this.#refused) return;
    this.#fill(now);
    this.#pressed = this.#rate === null ? this.#lastEvents >= this.#cap : now <= this.#pressedUntil;
    this.#refused = true;
    this.#taken.end(now);
  }

  #rateAt(heldMs: number, rate: number): number {
    if (heldMs < RECOVERY_MS) return rate * (0.5 + heldMs / RECOVERY_MS / 2);
    return Math.min(Math.max(rate, RATE_MAX), rate * (1 + this.#excessAt(heldMs)));
  }

  #excessAt(heldMs: number): number {
    if (this.#settled) {
      const climbedMs = heldMs - this.#holdMs();
      return climbedMs < 0 ? 0 : CLIMB_START * 2 ** (climbedMs / CLIMB_DOUBLING_MS);
    }
    const creptMs = heldMs - RECOVERY_MS;
    if (this.#hasty) return 2 ** (creptMs / HASTE_DOUBLING_MS) - 1;
    if (creptMs < CREEP_MS) return (CREEP_PER_SECOND * creptMs) / 1_000;
    return CREPT * 2 ** ((creptMs - CREEP_MS) / CREPT_DOUBLING_MS);
  }

  #holdMs(): number {
    if (!this.#burstKnown || this.#fallback !== null) return FIRST_HOLD_MS;
    return this.#fresh ? LONG_HOLD_MS : HOLD_MS;
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
    else if (!this.#settled) this.#refusedCreeping(held);
    else if (this.#heldMs >= this.#holdMs()) this.#refusedClimbing(held);
    else this.#refusedHolding();
    if (this.#rate !== null) this.#rate = Math.max(RATE_MIN, this.#rate);
    if (this.#taken.any) this.#atOnce = false;
    this.#taken = new Taken();
    this.#heldMs = 0;
    this.#tokens = 1;
    this.#filledAt = now;
  }

  /** Not even one request was taken. Twice in a row it says nothing of a rate any more: begin anew, with a small request. */
  #refusedAtOnce(held: number | null): void {
    this.#fallback = null;
    if (held !== null && !this.#atOnce) {
      this.#atOnce = true;
      this.#creepFrom(held / 4);
      return;
    }
    this.#rate = null;
    this.#cap = Math.max(1, Math.floor(Math.min(this.#cap, this.#lastEvents) / 8));
  }

  /** Less was sent than might have been: it says little of the limit, and soon more is tried again. */
  #refusedUnpressed(held: number | null): void {
    this.#fallback = null;
    this.#creepFrom(held === null ? this.#taken.rate(0) : held / 2);
    this.#hasty = true;
  }

  #refusedStarting(): void {
    if (this.#burstKnown) this.#settle(this.#taken);
    else this.#creepFrom(this.#taken.rate(0));
  }

  #refusedCreeping(held: number): void {
    this.#burstMs = BURST_GUESS_MS;
    if (this.#heldMs >= RUN_MS) this.#settle(this.#taken);
    else this.#creepFrom(Math.min(held, this.#taken.rate(this.#burstMs)));
  }

  /** Nothing new, mostly; but a limit that rose is met here. */
  #refusedClimbing(held: number): void {
    const refusedAt = this.#rateAt(this.#heldMs, held);
    if (this.#fallback !== null) this.#boldness++;
    this.#fallback = null;
    this.#fresh = false;
    if (!this.#burstKnown && this.#witness) {
      this.#burstMs = likelyBurst(this.#witness, this.#taken);
      this.#burstKnown = true;
      this.#settle(this.#witness);
    } else {
      // It held, so the limit is not lower: if this run says so, less is saved up than was thought.
      while (this.#burstMs > 0 && this.#taken.rate(this.#burstMs) < held * PLAINLY_LESS)
        this.#burstMs = nextBurst(this.#burstMs, -1);
      const found = this.#taken.rate(this.#burstMs) * MARGIN;
      this.#fresh = found > held * AGREES;
      this.#rate = Math.max(held * NUDGE, found);
    }
    if (this.#bold && refusedAt > (this.#rate ?? 0) * FAR) this.#tryMore(refusedAt);
  }

  /** The limit fell, or it was found too high. */
  #refusedHolding(): void {
    if (this.#fallback !== null) {
      this.#fallBack(this.#fallback);
      return;
    }
    this.#doubts = this.#heldMs >= RUN_MS ? 0 : this.#doubts + 1;
    // A limit that fell is found at the second or third try. Otherwise more is saved up than was thought.
    if (this.#doubts >= DOUBTS_MAX) this.#burstMs = Math.max(BURST_GUESS_MS, nextBurst(this.#burstMs, 1));
    if (this.#burstKnown || this.#heldMs >= RUN_MS) this.#settle(this.#taken);
    else this.#creepFrom(this.#taken.rate(BURST_GUESS_MS));
  }

  /** A limiter that saves up nothing refuses a climb early and looks slower than it is: half way up is worth a try. */
  #tryMore(refusedAt: number): void {
    this.#fallback = this.#rate ?? 0;
    this.#rate = (this.#fallback + refusedAt) / 2;
  }

  /** It was in vain. If it always was, it is not tried again. */
  #fallBack(rate: number): void {
    this.#fallback = null;
    this.#rate = rate;
    this.#fresh = true;
    this.#bold = this.#boldness > 0;
  }

  #settle(run: Taken): void {
    this.#witness = run;
    this.#rate = run.rate(this.#burstMs) * MARGIN;
    this.#settled = true;
    this.#fresh = true;
  }

  #creepFrom(rate: number): void {
    this.#rate = rate * CAUTIOUS;
    this.#settled = false;
    this.#hasty = false;
  }
}

/** Two refusals after different runs tell both, rate and burst: with the right burst they tell one rate. */
function likelyBurst(one: Taken, other: Taken): number {
  const apart = (burstMs: number) => Math.abs(Math.log(one.rate(burstMs) / other.rate(burstMs)));
  const nearest = Math.min(...BURSTS_MS.map(apart));
  return BURSTS_MS.find((burstMs) => apart(burstMs) <= nearest + NEAR) ?? BURST_GUESS_MS;
}

function nextBurst(burstMs: number, step: 1 | -1): number {
  return BURSTS_MS[BURSTS_MS.indexOf(burstMs) + step] ?? burstMs;
}
