/** Plays an answer of a vendor: the lane it comes through, and the clock moved to where something waits for it, not a moment further. */
import { expect } from 'vitest';
import { type Fault, type Faults, scenarios } from '../../src/destinations/sandbox/faults.ts';
import { type MixpanelCase, mixpanelCases } from './answer-cases.ts';
import { type BloomreachCase, bloomreachCases } from './answer-cases-bloomreach.ts';
import { openBloomreachLane } from './bloomreach-lane.ts';
import { until } from './fake-clock.ts';
import { openLane } from './lane.ts';
import type { Sending } from './sending.ts';

export type Case = MixpanelCase | BloomreachCase;

export const cases: readonly Case[] = [...mixpanelCases, ...bloomreachCases];

type Stage = AsyncDisposable &
  Omit<Sending, 'stop'> & {
    readonly faults: Faults;
    /** Events or updates that were put into the queue. */
    readonly count: number;
    /** Copies that the sandbox has. */
    stored(): number;
  };

/** With what is to be sent in its queue, and the answers ordered. */
export async function open(one: Case): Promise<Stage> {
  const stage = one.to === 'batch' ? await openBatch(one) : await openMixpanel(one);
  for (const answer of one.answers) {
    // Bloomreach has one endpoint, which faults need not name.
    const order = 'scenario' in answer || one.to === 'batch' ? answer : { endpoint: one.to, ...answer };
    expect(stage.faults.order(order)).toBeNull();
  }
  return stage;
}

async function openBatch(one: BloomreachCase): Promise<Stage> {
  const lane = await openBloomreachLane(one.lane);
  const { commands = ['event', 'event', 'event'] } = one;
  lane.put(...commands);
  const stored = () => lane.double.state().commands.taken;
  return { ...lane, faults: lane.double.faults, count: commands.length, stored };
}

async function openMixpanel(one: MixpanelCase): Promise<Stage> {
  const { mixpanel = {}, ...options } = one.lane ?? {};
  const lane = await openLane({
    ...options,
    mixpanel: { import: one.to === 'import' ? 'always' : 'auto', ...mixpanel },
  });
  const { to, count = 3 } = one;
  const areEvents = to === 'track' || to === 'import';
  if (areEvents) lane.put('shop', count);
  for (let n = 0; n < count && !areEvents; n++) {
    const owner = to === 'engage' ? { $distinct_id: `u${n}` } : { $group_key: 'company', $group_id: `g${n}` };
    lane.give({ ...owner, ...(one.once ? { $add: { n: 1 } } : { $set: { n } }) });
  }
  const stored = () => {
    const { events, updates } = lane.sandbox.state();
    return areEvents ? events.raw : updates.applied;
  };
  return { ...lane, faults: lane.sandbox.faults, count, stored };
}

/** To the last answer; nothing goes again before its wait is over. */
export async function play(stage: Stage, one: Case): Promise<void> {
  const { clock, forwarder, keeper, faults } = stage;
  forwarder.start();
  if (one.row === 'token') {
    await until(() => forwarder.status().state === 'paused');
    faults.clear();
    await clock.advance(60_000);
  }
  for (const index of one.outcomes.keys()) {
    if (one.name.startsWith('later') && index === 0) {
      await until(() => clock.waits().includes(31_000) && clock.waits().includes(30_000));
      await clock.advance(30_000);
    }
    await attempted(stage, index + 1);
    const waitMs = waitAfter(one, index);
    if (waitMs === 0 || keeper.waiting() === 0 || index + 1 === one.outcomes.length) continue;
    await clock.advance(waitMs - 1);
    expect([stage.attempts.length, forwarder.status().inFlight], `after ${waitMs - 1} ms`).toEqual([index + 1, 0]);
    await clock.advance(1);
  }
}

/** Turns at the vendor's pace are some milliseconds apart; all other waits are seconds. */
const TURN_MAX_MS = 100;

async function attempted({ attempts, clock, forwarder }: Stage, count: number): Promise<void> {
  const so = () => attempts.length >= count && forwarder.status().inFlight === 0;
  const turnMs = () => clock.waits().find((ms) => ms > 0 && ms <= TURN_MAX_MS);
  while (!so()) {
    await until(() => so() || turnMs() !== undefined, `${count} attempts`);
    if (!so()) await clock.advance(turnMs() ?? 0);
  }
}

const BASE_MS = 2000;
const CHANCE_LEAST_MS = 1000;
/** The destination answers; only some of its events wait. */
const PARTIAL_MAX_MS = 10_000;

/** What README says of it: a minute, or doubling with each failure in a row. */
function waitAfter({ outcomes, answers }: Case, index: number): number {
  const kind = outcomes[index];
  if (kind === 'pause') return 60_000;
  if (kind !== 'retry' && kind !== 'partial') return 0;
  const inRow = index - outcomes.slice(0, index).findLastIndex((other) => other !== kind);
  const backoffMs = BASE_MS * 2 ** (inRow - 1) + CHANCE_LEAST_MS;
  if (kind === 'partial') return Math.min(backoffMs, PARTIAL_MAX_MS);
  const answer = answers[index] ?? {};
  const asked = 'headers' in answer ? Number(answer.headers?.['retry-after'] ?? 0) * 1000 : 0;
  return Math.max(backoffMs, asked);
}

/** Of the first answer that is not a success, else of the first. */
export function decisive({ outcomes }: Case): number {
  return Math.max(
    0,
    outcomes.findIndex((outcome) => outcome !== 'delivered'),
  );
}

/** Its status; null: no answer. */
export function statusOf({ status, answers }: Case): number | null {
  const [first = {}] = answers;
  if (status !== undefined) return status;
  const fault: Fault = 'scenario' in first ? scenarios[first.scenario] : (first as Fault);
  return fault.closeBefore || fault.closeAfterIngest || fault.delayMs ? null : (fault.status ?? 200);
}
