/** A source with a large backlog, or one that is paced, delays another's fresh event by about one batch. */
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { until } from '../support/program.ts';

const BACKLOG = 40_000;
/** One webhook of the loud source becomes so many events: a backlog is made of events, not of requests. */
const EVENTS_EACH = 1_000;
const loud = `[1..${EVENTS_EACH}].{"event": "Loud", "properties": {"number": $}}`;

it('lets a fresh event of another source pass a backlog', { timeout: 90_000 }, async () => {
  await using journey = await Journey.open('fairness', {
    sources: { numbered: {}, loud: { mapping: loud } },
    env: { RELAY_SEND_CONCURRENCY: '1', RELAY_BATCH_MAX_EVENTS: '500' },
  });
  const { oracle, sandbox } = journey;
  await journey.destinationGoes();
  await journey.start();
  for (let count = 0; count < BACKLOG / EVENTS_EACH; count++) {
    await journey.sendThis(oracle.excuse(oracle.make('loud')));
  }
  const waiting = async () => (await journey.health()).sources.loud?.waiting;
  await until(async () => (await waiting()) === BACKLOG, 'the backlog to be mapped', 30_000);
  // Slow: 100 ms a request, so 80 requests of 500 are 8 s of work.
  sandbox.faults.order({ delayMs: 100, times: 1_000 });
  await journey.destinationComes();
  await until(() => sandbox.state().events.raw >= 1_000, 'the backlog to be sent');
  for (let count = 0; count < 5; count++) {
    const { raw } = sandbox.state().events;
    await journey.sendFresh();
    await until(() => oracle.missing(sandbox) === 0, 'the fresh event to arrive', 5_000);
    const passed = sandbox.state().events.raw - raw;
    // What is in flight, what is leased ahead, and its own batch.
    expect(passed, 'events of the loud source before it').toBeLessThanOrEqual(3 * 500);
  }
  expect(await waiting()).toBeGreaterThan(0);
});

it('paces a source by limits.forward without refusing, and nobody else with it', { timeout: 60_000 }, async () => {
  const paced = 'limits: { accept: 1000000/s, forward: 20/s }\n';
  await using journey = await Journey.open('paced', { sources: { numbered: {}, paced: { yaml: paced } } });
  const { oracle, sandbox } = journey;
  await journey.start();
  const began = performance.now();
  await journey.sendMany(200, 8, 'paced');
  await journey.sendMany(200, 8, 'numbered');
  const arrivedOf = async (source: string) => (await journey.health()).sources[source]?.delivered ?? 0;
  await until(async () => (await arrivedOf('numbered')) === 200, 'the others to arrive', 5_000);
  const delivered = await arrivedOf('paced');
  const seconds = (performance.now() - began) / 1_000;
  // One second's worth at once, then 20 a second; one more for what arrived while we looked.
  expect(delivered).toBeLessThanOrEqual(20 * (seconds + 2));
  expect(oracle.statuses).toEqual({ 200: 400 });
  const before = await arrivedOf('paced');
  await until(async () => (await arrivedOf('paced')) > before, 'the paced source to go on', 5_000);
  expect(oracle.differences(sandbox).some((line) => /other body|never sent|counts/.test(line))).toBe(false);
});
