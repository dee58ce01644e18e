/** A queue that goes to Bloomreach: requests of fifty, each command settled by its own result, copies that are one event. */
import { expect, test } from 'vitest';
import { type BloomreachLane, openBloomreachLane } from '../support/bloomreach-lane.ts';

async function sent(lane: BloomreachLane): Promise<void> {
  lane.forwarder.start();
  await lane.drained();
}

test('51 commands go in two requests, uncompressed and without an address of anybody', async () => {
  await using lane = await openBloomreachLane();
  lane.put(...Array(51).fill('event'));
  await sent(lane);
  expect(lane.attempts.map(({ events }) => events)).toEqual([50, 1]);
  expect(lane.double.copies()).toHaveLength(51);
  for (const headers of lane.seen) {
    expect(headers).not.toHaveProperty('content-encoding');
    expect(headers).not.toHaveProperty('x-forwarded-for');
  }
});

test('of fifty commands the one without a permission is blocked with the words of its result, and the others arrive', async () => {
  await using lane = await openBloomreachLane();
  lane.put(...Array(17).fill('event'), 'denied event', ...Array(32).fill('event'));
  await sent(lane);
  expect(lane.attempts.map(({ outcome }) => outcome)).toEqual(['partial']);
  expect(lane.keeper.dead.map(({ event, letter }) => [event.id, letter.reason, letter.message])).toEqual([
    ['evt_18-0', 'blocked', 'Not authorized to add event of specified type'],
  ]);
  expect(lane.double.copies()).toHaveLength(49);
});

test('what was blocked arrives when it is sent again with the permission, and nothing else does', async () => {
  await using lane = await openBloomreachLane();
  lane.put('event', 'denied event', 'denied event');
  await sent(lane);
  lane.double.deny({});
  lane.keeper.put(lane.keeper.dead.map(({ event }) => event));
  await lane.drained();
  expect(lane.double.copies().map(({ event }) => event.type)).toEqual(['Paid', 'Denied', 'Denied']);
  expect(lane.double.state().events.billed).toBe(3);
});

test('what was blocked stays blocked without the permission', async () => {
  await using lane = await openBloomreachLane();
  lane.put('denied event');
  await sent(lane);
  lane.keeper.put(lane.keeper.dead.map(({ event }) => event));
  await lane.drained();
  expect(lane.keeper.dead.map(({ letter }) => letter.reason)).toEqual(['blocked', 'blocked']);
  expect(lane.double.copies()).toEqual([]);
});

test('an answer that was lost makes two copies of the same second, stored as one event and billed as two', async () => {
  await using lane = await openBloomreachLane();
  const seconds = lane.clock.now() / 1000;
  lane.double.faults.order({ closeAfterIngest: true });
  lane.put('event');
  lane.forwarder.start();
  await lane.attempted(1);
  await lane.clock.advance(3000);
  await lane.drained();
  expect(lane.double.copies().map(({ event }) => event.timestamp)).toEqual([seconds, seconds]);
  expect(lane.double.deduped()).toHaveLength(1);
  expect(lane.double.state().events.billed).toBe(2);
});
