import { expect, test } from 'vitest';
import { createTurns } from '../../src/forward/turns.ts';
import { until } from '../support/fake-clock.ts';
import { openLane } from '../support/lane.ts';

test("a source with many waiting delays another's fresh event by one batch, not more", async () => {
  await using lane = await openLane({ concurrency: 1, batch: { eventsMax: 100, bytesMax: 1_900_000, lingerMs: 0 } });
  lane.put('flood', 20_000);
  lane.forwarder.start();
  await until(() => lane.attempts.length >= 3);
  const leasedBefore = lane.keeper.leases.length;
  lane.put('fresh', 1);
  await until(() => lane.keeper.delivered.some((event) => event.source === 'fresh'));
  const turn = lane.keeper.leases.findIndex((lease) => lease.some((event) => event.source === 'fresh'));
  expect(turn - leasedBefore).toBeLessThanOrEqual(1);
  expect(lane.keeper.waiting()).toBeGreaterThan(10_000);
});

test('events too large for a shared batch cannot keep another source out twice', async () => {
  await using lane = await openLane({ concurrency: 1, batch: { eventsMax: 100, bytesMax: 20_000, lingerMs: 0 } });
  lane.put('large', 50, { padding: 7000 });
  lane.put('small', 1);
  lane.forwarder.start();
  await lane.drained();
  const turn = lane.keeper.leases.findIndex((lease) => lease.some((event) => event.source === 'small'));
  expect(turn).toBeLessThanOrEqual(1);
});

test('a million ready and one fresh share a batch: the one gets its place, the million the rest', () => {
  const turns = createTurns();
  const plan = turns.plan(
    [
      { source: 'million', events: 1_000_000 },
      { source: 'one', events: 1 },
    ],
    2000,
  );
  expect(plan).toEqual([
    { source: 'million', eventsMax: 1999 },
    { source: 'one', eventsMax: 1 },
  ]);
});

test('room is divided evenly, and what one does not need goes to the others', () => {
  const turns = createTurns();
  const wants = [
    { source: 'a', events: 5000 },
    { source: 'b', events: 5000 },
    { source: 'c', events: 200 },
  ];
  expect(turns.plan(wants, 2000).map((turn) => turn.eventsMax)).toEqual([900, 900, 200]);
});

test('who was served longest ago comes first', () => {
  const turns = createTurns();
  const wants = ['a', 'b', 'c'].map((source) => ({ source, events: 10 }));
  turns.served({ source: 'a', events: 20 });
  turns.served({ source: 'c', events: 30 });
  expect(turns.plan(wants, 30).map((turn) => turn.source)).toEqual(['b', 'a', 'c']);
});

test('more sources than places take turns one event each', () => {
  const turns = createTurns();
  const wants = Array.from({ length: 30 }, (_, index) => ({ source: `s${index}`, events: 9 }));
  const seen = new Set<string>();
  for (let round = 0; round < 3; round++) {
    for (const turn of turns.plan(wants, 10)) {
      expect(turn.eventsMax).toBe(1);
      seen.add(turn.source);
      turns.served({ source: turn.source, events: 1 });
    }
  }
  expect(seen.size).toBe(30);
});

test('a source of three times the weight has three times as much of a batch, and of small batches as well', () => {
  const wants = [
    { source: 'light', events: 5000 },
    { source: 'heavy', events: 5000, weight: 3 },
  ];
  expect(createTurns().plan(wants, 2000)).toEqual([
    { source: 'light', eventsMax: 500 },
    { source: 'heavy', eventsMax: 1500 },
  ]);
  const turns = createTurns();
  const had: Record<string, number> = { light: 0, heavy: 0 };
  for (let batch = 0; batch < 400; batch++) {
    for (const { source, eventsMax } of turns.plan(wants, 1)) {
      had[source] = (had[source] ?? 0) + eventsMax;
      turns.served({ source, events: eventsMax, weight: source === 'heavy' ? 3 : 1 });
    }
  }
  expect(had.heavy).toBeGreaterThanOrEqual(298);
  expect(had.heavy).toBeLessThanOrEqual(302);
});

test('weight takes no place from a source that has little waiting', () => {
  const wants = [
    { source: 'little', events: 1 },
    { source: 'heavy', events: 5000, weight: 100 },
  ];
  expect(
    createTurns()
      .plan(wants, 50)
      .map((turn) => turn.eventsMax),
  ).toEqual([1, 49]);
});

test('a source that was away has saved up nothing', () => {
  const turns = createTurns();
  const both = ['away', 'busy'].map((source) => ({ source, events: 10 }));
  turns.served({ source: 'away', events: 1 });
  for (let batch = 0; batch < 100; batch++) {
    turns.plan(both.slice(1), 10);
    turns.served({ source: 'busy', events: 10 });
  }
  const first: string[] = [];
  for (let batch = 0; batch < 6; batch++) {
    const [turn] = turns.plan(both, 1);
    first.push(turn?.source ?? '');
    turns.served({ source: turn?.source ?? '', events: 10 });
  }
  expect(first.filter((source) => source === 'away').length).toBeLessThanOrEqual(4);
});

test('the lane gives a source its weight of what a limit lets through', async () => {
  await using lane = await openLane({ weightOf: (source) => (source === 'heavy' ? 3 : 1), concurrency: 1 });
  lane.put('light', 8000);
  lane.put('heavy', 8000);
  lane.forwarder.start();
  await until(() => lane.keeper.delivered.length >= 4000);
  const share = lane.keeper.delivered.slice(0, 4000).filter(({ source }) => source === 'heavy').length / 4000;
  expect(share).toBe(0.75);
});
