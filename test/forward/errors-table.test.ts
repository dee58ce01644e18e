/**
 * What each answer of Mixpanel does, row by row of README's table, through the real sender against the sandbox: forwarder, client and
 * a socket between them.
 */
import { describe, expect, test } from 'vitest';
import { places } from '../../scripts/answers-table.ts';
import { type Case, cases } from '../support/answer-cases.ts';
import { until } from '../support/fake-clock.ts';
import { type Lane, openLane } from '../support/lane.ts';

const outcomesOf = (lane: Lane) => lane.attempts.map(({ outcome }) => outcome);
/** Longer than the backoff, shorter than the patience with a request that begins meanwhile. */
const restsMs: Readonly<Record<string, number>> = { retry: 10_000, partial: 10_000, pause: 60_000 };

async function open(one: Case): Promise<Lane> {
  const { mixpanel = {}, ...options } = one.lane ?? {};
  const lane = await openLane({
    ...options,
    mixpanel: { import: one.to === 'import' ? 'always' : 'auto', ...mixpanel },
  });
  for (const answer of one.answers) {
    expect(lane.sandbox.faults.order('scenario' in answer ? answer : { endpoint: one.to, ...answer })).toBeNull();
  }
  const count = one.count ?? 3;
  if (one.to === 'track' || one.to === 'import') lane.put('shop', count);
  for (let n = 0; n < count && !(one.to === 'track' || one.to === 'import'); n++) {
    const owner = one.to === 'engage' ? { $distinct_id: `u${n}` } : { $group_key: 'company', $group_id: `g${n}` };
    lane.give({ ...owner, ...(one.once ? { $add: { n: 1 } } : { $set: { n } }) });
  }
  return lane;
}

/** Advances the clock where something waits for it. */
async function play(lane: Lane, one: Case): Promise<void> {
  lane.forwarder.start();
  if (one.row === 'token') {
    await until(() => lane.forwarder.status().state === 'paused');
    lane.sandbox.faults.clear();
    await lane.clock.advance(60_000);
  }
  for (const [index] of one.outcomes.entries()) {
    if (one.name.startsWith('later') && index === 0) {
      await until(() => lane.clock.waits().includes(31_000) && lane.clock.waits().includes(30_000));
      await lane.clock.advance(30_000);
    }
    await lane.attempted(index + 1);
    const restMs = restsMs[lane.attempts[index]?.outcome ?? ''];
    if (restMs !== undefined && lane.keeper.waiting() > 0 && index + 1 < one.outcomes.length)
      await lane.clock.advance(restMs);
  }
}

describe.each(cases.map((one) => [`row ${one.row}, /${one.to}: ${one.name}`, one] as const))('%s', (_name, one) => {
  test(`comes to ${one.outcomes.join(', ')}`, async () => {
    await using lane = await open(one);
    await play(lane, one);
    const count = one.count ?? 3;
    const { dead = [] } = one;
    const left = one.outcomes.at(-1) === 'pause' ? count : 0;
    await until(() => lane.keeper.waiting() === left && lane.forwarder.status().inFlight === 0, 'the end');
    expect(outcomesOf(lane)).toEqual(one.outcomes);
    expect(lane.keeper.dead.map(({ letter }) => letter.reason)).toEqual(dead);
    expect(lane.keeper.delivered).toHaveLength(count - dead.length - left);
    const { events, updates } = lane.sandbox.state();
    const raw = one.to === 'track' || one.to === 'import' ? events.raw : updates.applied;
    expect(raw).toBe(one.raw ?? count - dead.length);
    expect(lane.forwarder.status().state).toBe(left > 0 ? 'paused' : stateAfter(one));
    expect(lane.troubles).toEqual([]);
  });
});

/** After its last answer: only one that says no leaves it failing. */
function stateAfter({ outcomes }: Case): 'ok' | 'failing' {
  return outcomes.at(-1) === 'retry' ? 'failing' : 'ok';
}

describe('the table', () => {
  const mixpanel = places.filter(({ name }) => name !== 'batch');

  test('has a case here for each of Mixpanel rows, at its own place', () => {
    const missing = mixpanel.flatMap(({ name, answers }) =>
      answers
        .filter(({ row }) => !cases.some((one) => one.row === row && (name === 'any' || one.to === name)))
        .map(({ row }) => `${name} ${row}`),
    );
    expect(missing).toEqual([]);
  });

  test('has each row that is played here', () => {
    const rows = new Set(mixpanel.flatMap(({ answers }) => answers.map(({ row }) => row)));
    expect(cases.filter(({ row }) => !rows.has(row)).map(({ name }) => name)).toEqual([]);
    // Those of the classification, all of them.
    const all = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '15a', '16'];
    expect(all.filter((row) => !rows.has(row))).toEqual([]);
  });
});
