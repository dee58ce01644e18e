import { expect, it } from 'vitest';
import { turnToEvents } from '../../src/mapping/turn-to-events.ts';
import type { Delivery } from '../../src/model.ts';
import { movedClock, webhook } from '../support/buffer-fixtures.ts';
import { shape } from '../support/mapping.ts';

const clock = movedClock();
const delivery: Delivery = { ...webhook(clock), id: 'dlv_one', position: 1, identity: 'one' };

function turned(outputs: readonly unknown[], destinations: readonly string[] = ['mixpanel']) {
  const result = { ok: true, outputs, tookMicros: 0, textBytes: 0 } as const;
  const turning = turnToEvents(delivery, result, { destinations, shape, now: clock.now() });
  for (;;) {
    const step = turning.next();
    if (step.done) return step.value;
  }
}
const seen = ({ events }: ReturnType<typeof turned>) => events.map(({ id, update }) => [id, update?.route]);
const both = { $distinct_id: 'u', $set: { Plan: 'pro' }, $add: { Orders: 1 } };

it('makes an event for each operator, each with an id of its own', () => {
  const mapped = turned([{ event: 'Paid' }, both]);
  expect(mapped).toMatchObject({ state: 'mapped', dead: [] });
  expect(seen(mapped)).toEqual([
    ['evt_one-0', undefined],
    ['evt_one-1', 'profile'],
    ['evt_one-1.1', 'profile_once'],
  ]);
});

it('makes them for each destination', () => {
  expect(seen(turned([both], ['a', 'b'])).map(([id]) => id)).toEqual([
    'evt_one-0-a',
    'evt_one-0.1-a',
    'evt_one-0-b',
    'evt_one-0.1-b',
  ]);
});

it('skips a delivery whose only update names nothing, and not one that also gave an event', () => {
  const nothing = { $distinct_id: 'u', $set: {} };
  expect(turned([nothing])).toMatchObject({ state: 'skipped', events: [], dead: [] });
  expect(turned([nothing, { event: 'Paid' }])).toMatchObject({ state: 'mapped', events: [{ id: 'evt_one-1' }] });
});

it('buries an update that breaks a rule once, whole, and its siblings go on', () => {
  const bad = { ...both, $add: { Orders: 'one' } };
  expect(turned([bad, { event: 'Paid' }])).toMatchObject({
    state: 'mapped',
    events: [{ id: 'evt_one-1' }],
    dead: [
      { reason: 'invalid_event', eventJson: JSON.stringify(bad), message: expect.stringContaining('not_a_number') },
    ],
  });
});
